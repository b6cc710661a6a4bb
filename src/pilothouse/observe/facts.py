"""What the sums over a trace need of its spans, and which span stands for the trace. Knows nothing of databases.

A trace is summed up as a whole, from all of its spans that are there. When one more arrives, late or out of order, the
sums of before are taken back and those of now are added: what was said of a trace never depends on the order.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["COLUMNS", "GUARDS_ON", "About", "Fact", "State", "told_in"]

COLUMNS = (
    "id", "parent_id", "name", "kind", "start_us", "duration_us", "status", "error_code", "endpoint", "operation",
    "provider", "request_model", "response_model", "deployment", "key_id", "user_id", "session_id", "team_id",
    "feature", "environment", "release", "prompt", "tags", "source", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "ttft_us", "cost_nano", "cost_known",
)  # fmt: skip
"""The columns of the table `spans` that a Fact is made of, before what its attributes say."""

GUARDS_ON = "guards_on"
"""The attribute of a call's span that lists the guards which looked, each as `policy@version: guard`."""
_OF_MODELS = ("llm", "embedding", "reranker")


class Fact(NamedTuple):
    """A span without what nobody adds up. `cached` where it was answered from one of our caches. `guards` are those
    that looked at a call, or what one said: pairs of `on`, `triggered` or `failed` and `policy@version: guard`."""

    id: str
    parent_id: str | None
    name: str
    kind: str
    start_us: int
    duration_us: int
    status: str
    error_code: str | None
    endpoint: str | None
    operation: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    deployment: str | None
    key_id: str | None
    user_id: str | None
    session_id: str | None
    team_id: str | None
    feature: str | None
    environment: str | None
    release: str | None
    prompt: str | None
    tags: str
    source: str
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    ttft_us: int | None
    cost_nano: int | None
    cost_known: bool
    cached: bool = False
    remote_parent_id: str | None = None
    guards: tuple[tuple[str, str], ...] = ()

    @property
    def billed(self) -> bool:
        """Whether it used or cost something, or would have, had its price been known."""
        return self.input_tokens is not None or self.cost_nano is not None or not self.cost_known

    @property
    def called(self) -> bool:
        """Whether a model was asked: that was billed, or failed before anything could be. What the gateway refuses by
        itself reaches no deployment."""
        if self.billed:
            return True
        if self.status != "error" or self.kind not in _OF_MODELS:
            return False
        if self.source == "gateway":
            return self.deployment is not None
        return self.request_model is not None or self.response_model is not None

    @property
    def above(self) -> str:
        """The id of the span around it: of this platform, or of the caller that sent a `traceparent`."""
        return self.parent_id or self.remote_parent_id or ""


class About(NamedTuple):
    """Who and what a trace was for."""

    key_id: str | None
    team_id: str | None
    user_id: str | None
    feature: str | None
    environment: str | None
    release: str | None
    session_id: str | None


class State:
    """A trace as far as it is known: its facts by span id, which do not change."""

    __slots__ = ("_about", "_calls", "_root", "facts")

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self.facts: dict[str, Fact] = {fact.id: fact for fact in facts}
        self._root: Fact | None = None
        self._calls: list[Fact] | None = None
        self._about: About | None = None

    def with_(self, facts: Iterable[Fact]) -> "State":
        """The state once these have arrived; what is there already stays."""
        made = State(self.facts.values())
        for fact in facts:
            made.facts.setdefault(fact.id, fact)
        return made

    @property
    def root(self) -> Fact:
        """The span that stands for the trace: the first without a parent here."""
        if self._root is None:
            facts = self.facts
            tops = [fact for fact in facts.values() if fact.above not in facts]
            self._root = min(tops or facts.values(), key=_begin)
        return self._root

    @property
    def calls(self) -> list[Fact]:
        """The calls of models, failed ones too, each once: what has no other call below it, or was sent to a deployment
        by the gateway, whatever is below it (such as its hedge)."""
        if self._calls is None:
            called = [fact for fact in self.facts.values() if fact.called]
            around = _around(called, self.facts) if len(self.facts) > 1 else ()
            self._calls = [fact for fact in called if fact.deployment is not None or fact.id not in around]
        return self._calls

    @property
    def about(self) -> About:
        """What the root says, else the first span that says anything."""
        if self._about is None:
            self._about = About._make([self.first(name) for name in About._fields])
        return self._about

    def first(self, field: str) -> str | None:
        """What the root says of one field, else the first span that says anything."""
        said = getattr(self.root, field)
        if said is not None or len(self.facts) == 1:
            return said  # type: ignore[no-any-return]
        said = [fact for fact in self.facts.values() if getattr(fact, field) is not None]
        return getattr(min(said, key=_begin), field) if said else None


def told_in(attributes: Mapping[str, Any]) -> tuple[bool, str | None, tuple[tuple[str, str], ...]]:
    """What a span's attributes add to its columns: whether a cache answered, the caller's own span, and its guards."""
    remote, looked = attributes.get("remote_parent_id"), attributes.get(GUARDS_ON)
    guards = [("on", str(one)) for one in looked] if isinstance(looked, list) else []
    if "guard_version" in attributes and attributes.get("guard_status") in ("triggered", "failed"):
        named = f"{attributes['guard_version']}: {attributes.get('guard')}"
        guards.append((str(attributes["guard_status"]), named))
    return "cache" in attributes, None if remote is None else str(remote), tuple(guards)


def _begin(fact: Fact) -> tuple[int, str]:
    return fact.start_us, fact.id


def _around(calls: Iterable[Fact], facts: Mapping[str, Fact]) -> set[str]:
    """The ids of spans that have one of these somewhere below them."""
    around: set[str] = set()
    for call in calls:
        parent = facts.get(call.above)
        while parent is not None and parent.id not in around:
            around.add(parent.id)
            parent = facts.get(parent.above)
    return around
