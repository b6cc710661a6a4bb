"""What a text is about, by its nearness to topics that are given as examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.heads.vectors import Read, vectors_of
from pilothouse.protocols import Encode, Guard, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

__all__ = ["LEAST", "Topic", "threshold_of"]

LEAST = 3
"""Examples that a topic needs."""

_ELSEWHERE = (
    "How do I boil an egg?", "Write a poem about the sea.", "Who won the match last night?", "Fix this function.",
    "What is the capital of Peru?", "My knee hurts when I run.", "Plan a trip to Kyoto in spring.", "Hello!",
    "Translate this sentence into German.", "Explain photosynthesis to a child.", "Which phone should I buy?",
    "How much tax do I pay on a second job?", "Tell me a joke.", "What is the weather like tomorrow?",
    "Write an email to my landlord about the heating.", "How does a diesel engine work?", "Summarise this article.",
    "Which films are worth watching?", "How do I train a puppy?", "Is it safe to invest in gold?",
    "Sort these numbers.", "When did the Roman empire end?", "How do vaccines work?", "Draft a contract for a flat.",
    "What should I cook with leeks?", "Why do people vote for populists?", "How do I clean a bicycle chain?",
    "Give me ideas for a birthday present.", "What does this error mean?", "Recommend a novel for the holidays.",
)  # fmt: skip
"""What people ask of anything: topics are told from it."""


@dataclass(frozen=True, slots=True)
class _Topics:
    """`centres` (topics, 384), one L2-normalised row each; `thresholds` the cosine from which on a text is of it."""

    names: Sequence[str]
    centres: "Rows"
    thresholds: "Rows"


@dataclass(frozen=True, kw_only=True)
class Topic(Guard):
    """Triggers on a text that is of a topic in `deny`, or, where there are topics in `allow`, of none of them. Each
    topic is a name and at least three examples of what is said of it. How near a text must be is found from the
    examples, by leaving out one after the other, unless `threshold` (a cosine) says it."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "output", "tool", "retrieval"))
    action: ClassVar[Action] = "block"

    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deny: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    threshold: float | None = None
    name: str = "topic"
    _made: list[_Topics] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.allow and not self.deny:
            raise ConfigError(f"{self.name}: names no topic in 'allow' or 'deny'.", param=self.name)
        for side, topics in (("allow", self.allow), ("deny", self.deny)):
            for topic, examples in topics.items():
                if len({one.strip() for one in examples} - {""}) < LEAST:
                    where = f"{self.name}.{side}.{topic}"
                    raise ConfigError(f"{where}: needs at least {LEAST} different examples.", param=where)
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ConfigError(f"{self.name}.threshold: must lie between 0 and 1.", param=f"{self.name}.threshold")

    async def check(self, subject: Subject) -> GuardResult:
        read = await vectors_of(subject)
        models = subject.conversation.models
        if read.missing or models is None or models.encode is None:
            return GuardResult.skipped(self.name, read.missing)
        topics = await self._topics(models.encode)
        near = np.asarray(read.rows, dtype=np.float64) @ topics.centres.T
        denied = self._denied(read, topics, near)
        return denied or self._allowed(read, topics, near)

    def _denied(self, read: Read, topics: _Topics, near: "Rows") -> GuardResult | None:
        """Any piece of a text that is of a denied topic is one too many."""
        over = (near >= topics.thresholds)[:, len(self.allow) :]
        if not over.any():
            return None
        at = len(self.allow) + int(np.argmax(np.where(over, near[:, len(self.allow) :], -1).max(axis=0)))
        found = tuple(
            Finding(self.name, *place, None, _score(row[at])) for place, row in zip(read.places, near, strict=True)
            if row[at] >= topics.thresholds[at]
        )  # fmt: skip
        return GuardResult.triggered(
            self.name, f"The text is about '{topics.names[at]}'.", score=_score(near[:, at].max()), findings=found,
            detail=self._detail(topics, near), correction=f"Do not write about {topics.names[at]}.",
        )  # fmt: skip

    def _allowed(self, read: Read, topics: _Topics, near: "Rows") -> GuardResult:
        """A text is of an allowed topic where any piece of it is."""
        detail, count = self._detail(topics, near), len(self.allow)
        if count and not (near >= topics.thresholds)[:, :count].any():
            names = ", ".join(topics.names[:count])
            best = _score(1 - near[:, :count].max())
            return GuardResult.triggered(
                self.name, f"The text is about none of: {names}.", score=best, detail=detail,
                correction=f"Write about nothing but: {names}.",
            )  # fmt: skip
        if not read.is_whole:
            return GuardResult.skipped(
                self.name, f"Only {read.characters:,} of {read.size:,} characters were read; nothing was found in them."
            )
        return GuardResult.passed(self.name, detail=detail)

    async def _topics(self, encode: Encode) -> _Topics:
        """Encoded once; two that ask at once may both do it."""
        if not self._made:
            given = [*self.allow.items(), *self.deny.items()]
            elsewhere = np.asarray(await encode(_ELSEWHERE), dtype=np.float64)
            rows = [np.asarray(await encode(list(examples)), dtype=np.float64) for _, examples in given]
            others = [np.vstack([elsewhere, *rows[:at], *rows[at + 1 :]]) for at in range(len(rows))]
            thresholds = [self.threshold or threshold_of(mine, other) for mine, other in zip(rows, others, strict=True)]
            self._made.append(
                _Topics([topic for topic, _ in given], np.vstack([_centre(one) for one in rows]), np.array(thresholds))
            )
        return self._made[0]

    @staticmethod
    def _detail(topics: _Topics, near: "Rows") -> dict[str, dict[str, float]]:
        best = near.max(axis=0)
        return {
            topic: {"cosine": round(float(cosine), 3), "from": round(float(least), 3)}
            for topic, cosine, least in zip(topics.names, best, topics.thresholds, strict=True)
        }


def threshold_of(examples: "Rows", others: "Rows") -> float:
    """The cosine to the examples' centre that best tells them, each left out of it in turn, from others: (n, 384) and
    (m, 384) L2-normalised rows. The middle of where the shares that are told right, of both, are highest together."""
    total = examples.sum(axis=0)
    inside = np.array([one @ _unit(total - one) for one in examples])
    outside = others @ _centre(examples)
    marks = np.unique(np.concatenate([inside, outside]))
    cuts = np.concatenate([marks, (marks[1:] + marks[:-1]) / 2])
    right = [(inside >= cut).mean() + (outside < cut).mean() for cut in cuts]
    best = cuts[np.isclose(right, max(right))]
    return float((best.min() + best.max()) / 2)


def _centre(rows: "Rows") -> "Rows":
    return _unit(rows.mean(axis=0))


def _unit(row: "Rows") -> "Rows":
    return row / max(float(np.linalg.norm(row)), 1e-12)


def _score(cosine: float) -> float:
    return round(min(1.0, max(0.0, float(cosine))), 4)
