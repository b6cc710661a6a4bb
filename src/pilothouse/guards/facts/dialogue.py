"""Which requests may follow which in a conversation, each told by examples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.facts.evidence import Vectors
from pilothouse.protocols import Encode, Guard, Subject
from pilothouse.types import Json, text_of

__all__ = ["Dialogue"]

START = "start"
_REMEMBERED = 20  # messages of the person


class _Examples(NamedTuple):
    intents: Sequence[str]
    vectors: Vectors


class _Cache:
    """The vectors of the examples, made once."""

    def __init__(self) -> None:
        self.made: _Examples | None = None


@dataclass(frozen=True, kw_only=True)
class Dialogue(Guard):
    """Triggers where a person asks for what may not follow.

    `intents` name what people ask for, each by examples; `flows` say for an intent which may come next, `start` for the
    first message. A message has the intent of its nearest example, where their cosine reaches `threshold` and the
    nearest example of every other intent is farther by `margin`; else it has none, and `unknown` says whether that may
    pass. The state of a conversation is the last intent before the message. The same words always have the same intent.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(("input",))
    action: ClassVar[Action] = "block"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"

    intents: dict[str, tuple[str, ...]]
    flows: dict[str, tuple[str, ...]]
    unknown: Literal["allow", "stop"] = "allow"
    threshold: float = 0.45
    margin: float = 0.03
    name: str = "dialogue"

    def __post_init__(self) -> None:
        for intent, examples in self.intents.items():
            if intent == START or not examples or not all(example.strip() for example in examples):
                where = f"{self.name}.intents.{intent}"
                raise ConfigError(
                    f"{where}: needs examples that are not empty, and another name than start.", param=where
                )
        for state, allowed in self.flows.items():
            for intent in (state, *allowed):
                if intent not in self.intents and (intent != START or intent is not state):
                    where = f"{self.name}.flows.{state}"
                    raise ConfigError(f"{where}: there is no intent '{intent}'.", param=where)
        for option, value in (("threshold", self.threshold), ("margin", self.margin)):
            if not 0 <= value <= 1:
                raise ConfigError(f"{self.name}.{option}: must be in [0, 1].", param=f"{self.name}.{option}")

    @cached_property
    def _cache(self) -> _Cache:
        return _Cache()

    async def check(self, subject: Subject) -> GuardResult:
        about = subject.conversation
        if subject.role != "user":
            return GuardResult.skipped(self.name, "It is not what a person says.")
        if about.question and subject.text != about.question:
            return GuardResult.skipped(self.name, "It is not the last message.")
        if about.models is None or about.models.encode is None:
            return GuardResult.skipped(self.name, "There is no encoder.")
        if not subject.text.strip():
            return GuardResult.skipped(self.name, "The message is empty.")
        before = [*_said(about.messages)][-_REMEMBERED:]
        if before and before[-1].strip() == subject.text.strip():
            before.pop()
        *earlier, now = await self._intents([*before, subject.text], about.models.encode)
        state = next((intent for intent in reversed(earlier) if intent is not None), START)
        return self._told(state, now)

    def _told(self, state: str, now: str | None) -> GuardResult:
        allowed, detail = self.flows.get(state), {"state": state, "intent": now}
        if now is None and self.unknown == "allow":
            return GuardResult.passed(self.name, score=0.0, detail=detail)
        if now is not None and (allowed is None or now in allowed):
            return GuardResult.passed(self.name, score=0.0, detail=detail)
        asked = "something that no example is like" if now is None else f"'{now}'"
        there = f" Allowed are: {', '.join(allowed)}." if allowed else ""
        return GuardResult.triggered(
            self.name, f"After '{state}' may not come {asked}.{there}", score=1.0, detail=detail,
        )  # fmt: skip

    async def _intents(self, texts: Sequence[str], encode: Encode) -> list[str | None]:
        if self._cache.made is None:
            pairs = [(intent, example) for intent, examples in self.intents.items() for example in examples]
            vectors = await encode([example for _, example in pairs])
            self._cache.made = _Examples([intent for intent, _ in pairs], vectors)
        known = self._cache.made
        return [self._nearest(known.intents, row) for row in (await encode(texts)) @ known.vectors.T]

    def _nearest(self, intents: Sequence[str], cosines: Vectors) -> str | None:
        best: dict[str, float] = {}
        for intent, cosine in zip(intents, cosines, strict=True):
            best[intent] = max(float(cosine), best.get(intent, -1.0))
        first, *others = sorted(best, key=lambda one: (-best[one], one))
        second = best[others[0]] if others else -1.0
        return first if best[first] >= self.threshold and best[first] - second >= self.margin else None


def _said(messages: Iterable[Json]) -> Iterable[str]:
    """What the person has said."""
    for message in messages:
        if isinstance(message, Mapping) and message.get("role") == "user" and (text := text_of(message.get("content"))):
            yield text
