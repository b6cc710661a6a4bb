"""Keywords that an output must or must not have, lists of what it may never say, and its length."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pilothouse.errors import PilothouseError
from pilothouse.evals.lacking import WITHOUT_ENCODER, unavailable
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.finding import Phrases, folded
from pilothouse.evals.rules.telling import listed, told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict

__all__ = ["Blocklist", "Keywords", "Length"]


@dataclass(frozen=True, kw_only=True)
class Keywords(Evaluator):
    """Passes an output with `all`, `any` or `none` of the keywords. The score of `all` is the share that is there.

    A keyword is found as a whole word or phrase, whatever the spacing.
    """

    keywords: tuple[str, ...]
    match: Literal["all", "any", "none"] = "all"
    ignore_case: bool = True
    name: str = "keywords"

    def __post_init__(self) -> None:
        if not self.keywords or not all(map(folded, self.keywords)):
            raise refusal(self, "keywords", "is empty, or holds an empty keyword")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        found = self._phrases.found(case.output)
        absent = [keyword for keyword in self.keywords if keyword not in found]
        if self.match == "none":
            return told(self.name, not found, f"The output has {listed(found)}.", detail={"found": found})
        if self.match == "any":
            return told(self.name, bool(found), f"The output has none of {listed(absent)}.", detail={"found": found})
        share = 1 - len(absent) / len(self.keywords)
        return told(self.name, not absent, f"The output lacks {listed(absent)}.", score=share, detail={"found": found})

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.keywords, ignore_case=self.ignore_case)


@dataclass(frozen=True, kw_only=True)
class Blocklist(Evaluator):
    """Passes an output with none of `phrases`, nor of the lines of the file `path` (UTF-8; `#` begins a comment line).

    They are found in any case and spacing; with `disguised` also behind accents, invisible characters and digits for
    letters, where a phrase is as innocent as "b0b" for "bob".
    """

    phrases: tuple[str, ...] = ()
    path: str | None = None
    disguised: bool = True
    name: str = "blocklist"

    def __post_init__(self) -> None:
        try:
            empty = not self._phrases.phrases
        except (OSError, ValueError) as error:
            raise refusal(self, "path", f"'{self.path}' cannot be read: {error}") from None
        if empty:
            raise refusal(self, "phrases", "is empty, and 'path' gives none")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        found = self._phrases.found(case.output)
        return told(self.name, not found, f"The output has {listed(found)}.", detail={"found": found})

    @cached_property
    def _phrases(self) -> Phrases:
        lines = Path(self.path).read_text(encoding="utf-8").splitlines() if self.path is not None else []
        given = [*self.phrases, *(line for line in lines if not line.startswith("#"))]
        return Phrases(filter(folded, given), disguised=self.disguised)


@dataclass(frozen=True, kw_only=True)
class Length(Evaluator):
    """Passes an output of `minimum` to `maximum` characters, words (parted by white space) or tokens.

    Tokens are those of the embedded encoder; a model's own may be some more or fewer. `detail.length` tells how long.
    """

    unit: Literal["characters", "words", "tokens"] = "characters"
    minimum: int = 0
    maximum: int | None = None
    name: str = "length"

    def __post_init__(self) -> None:
        if self.minimum < 0:
            raise refusal(self, "minimum", "is below 0")
        if self.maximum is None and not self.minimum:
            raise refusal(self, "maximum", "is missing, and so is 'minimum'")
        if self.maximum is not None and self.maximum < self.minimum:
            raise refusal(self, "maximum", f"is below the minimum of {self.minimum}")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        if self.unit == "tokens":
            if models.encode is None:
                return Verdict.skipped(self.name, WITHOUT_ENCODER)
            try:
                length = (await models.encode.count_tokens([case.output]))[0]
            except PilothouseError as error:
                return unavailable(self, error)
        else:
            length = len(case.output if self.unit == "characters" else case.output.split())
        passed = length >= self.minimum and (self.maximum is None or length <= self.maximum)
        bound = f"at least {self.minimum}" if length < self.minimum else f"at most {self.maximum}"
        return told(self.name, passed, f"{length} {self.unit} are not {bound}.", detail={"length": length})
