"""A benchmark as a suite: its questions as a file of items beside the other files of evaluation, so that a run of it is
resumed, compared and gated like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.evals.benchmarks.formats import read_questions
from pilothouse.evals.benchmarks.prompts import EVALUATORS, asking, items_of
from pilothouse.evals.benchmarks.questions import Question
from pilothouse.evals.datasets.files import line_of
from pilothouse.evals.runs.suite import Written, suite_of
from pilothouse.types import Json

__all__ = ["Benchmark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The questions of `file` in the form of `layout` (see FORMATS), put to `model`.

    `shots` examples stand before each question, drawn from the file `examples`, else from the questions themselves,
    which are then not asked; of the questions `limit` are drawn. `seed` draws. `params` go with each request.
    """

    file: Path
    layout: str
    model: str
    shots: int = 0
    examples: Path | None = None
    limit: int | None = None
    seed: int = 0
    params: Json = field(default_factory=lambda: {"temperature": 0})

    def written(self, folder: Path, **more: Any) -> Written:
        """The suite, with its items in a new file of `folder` that is named by what it holds. `more` are further keys
        of a suite. Raises InvalidRequest for files that cannot be read or asked, ConfigError for wrong keys."""
        questions = read_questions(self.file, self.layout)
        examples = read_questions(self.examples, self.layout) if self.examples is not None else []
        shown, asked = asking(questions, examples, shots=self.shots, limit=self.limit, seed=self.seed)
        if not asked:
            raise InvalidRequest(f"{self.file.name}: all {len(questions)} questions are examples: none is left to ask.")
        kinds = sorted({question.kind for question in (*asked, *shown)})
        if len(kinds) > 1:
            raise InvalidRequest(f"{self.file.name}: has questions with and without choices: ask them apart.")
        suite: Json = {
            "suite": f"{self.layout}:{self.file.stem}"[:256], "kind": "benchmark",
            "data": _kept(folder, self.file.stem, asked, shown),
            "task": {"model": self.model, "params": self.params}, "evaluators": list(EVALUATORS[asked[0].kind]),
            "slices": ["metadata.subject"] if len({one.subject for one in asked}) > 1 else [],
            "metadata": self._metadata(len(shown)),
        }  # fmt: skip
        return suite_of({**suite, **_stated(more)}, folder)

    def _metadata(self, shown: int) -> dict[str, str]:
        told = {"benchmark": self.layout, "file": self.file.name, "shots": str(shown), "seed": str(self.seed)}
        return told | ({"examples": self.examples.name} if self.examples is not None else {})


def _kept(folder: Path, stem: str, asked: Sequence[Question], shown: Sequence[Question]) -> str:
    """The name of the file that holds the items; the same questions have the same."""
    lines = b"".join(line_of(item) for item in items_of(asked, shown))
    name = f"{stem[:100]}-{blake2b(lines, digest_size=8).hexdigest()}.jsonl"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / name).exists():
        half = folder / f"{name}.part"
        half.write_bytes(lines)
        half.replace(folder / name)
    return name


def _stated(more: Mapping[str, Any]) -> Json:
    return {name: value for name, value in more.items() if value is not None}
