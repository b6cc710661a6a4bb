"""Says in words why a trace went as it did: which prompt and deployment, what caches and guards said, which price.

From what was recorded alone; where nothing was, nothing is said. Knows nothing of databases and of faces.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilothouse.call import Span
from pilothouse.observe.money import duration, usd
from pilothouse.observe.names import RESPONSE_FINISH_REASONS
from pilothouse.observe.trace import Trace

__all__ = ["Explained", "Reason", "explain"]

Priced = Callable[[Span], str | None]
"""Says in words what a span's cost is made of; None where that cannot be told."""

_TOLD = frozenset(("llm", "embedding", "reranker", "guard"))
_SHADOW = "shadow"
_CACHES = {
    "exact": "The exact cache answered: an identical request had been answered before. No provider was asked.",
    "semantic": "The semantic cache answered: a question that means the same had been answered before. No provider was "
    "asked.",
    "coalesced": "An identical request was being answered at that moment, and this one shared its answer.",
}
_STRATEGIES: tuple[tuple[str, str], ...] = (
    (r"single", "It is the only deployment of the alias that is meant for such a call."),
    (r"weighted", "It was drawn among the deployments of the alias, each by its weight."),
    (r"least-busy (\d+) in flight", "It was the least busy of the alias, with {0} calls in flight."),
    (r"latency exploration", "It was chosen at random, to learn how fast the deployments are."),
    (r"latency unknown", "How fast it is was not known yet: such a deployment counts as the fastest."),
    (r"latency (\d+ ms)", "It had been the fastest of the alias so far: {0} on average."),
    (r"cheapest", "It was the cheapest of the alias for the tokens that the call was estimated at."),
    (r"usage (\d+%) left", "It had the most room left in its own limits: {0}."),
    (r"sticky", "The calls of one session, user or key go to one deployment, so that its prompt cache stays warm."),
    (r"longest context", "No deployment takes as much as the call was estimated at: who takes most was asked."),
    (r"degraded answer", "No deployment answered, and the alias has an answer for that case."),
)  # fmt: skip
_WAYS: tuple[tuple[str, str], ...] = (
    (r"rule (\d+) -> (.+)", "Rule {0} of the alias applied and sent the call to '{1}'."),
    (r"simple -> (.+)", "The request was judged to be simple, so '{0}' was asked."),
    (r"complex -> (.+)", "The request was judged to be hard, so '{0}' was asked."),
    (r"fallback any -> (.+)", "A fallback was needed: '{0}' was asked."),
    (r"fallback (\w+) -> (.+)", "A fallback was needed ({0}): '{1}' was asked."),
)
_LIMITS = {
    "rate_limit_exceeded": "A limit refused the call",
    "insufficient_quota": "A budget refused the call",
    "limit_exceeded": "A limit refused the call",
    "permission_denied": "The key may not do this",
}
_GUARD_DID = {
    "block": "stopped it", "redact": "took out what it found", "repair": "mended it", "rephrase": "had it written anew",
    "retry": "had the model asked again", "fallback": "had the fallback answered", "flag": "asked for a review of it",
    "shadow": "would have acted, and only takes note", "failed": "could not look",
}  # fmt: skip
_CUT = ("length", "max_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence or a few about a `topic`: prompt, deployment, cache, guard, limits, price or outcome."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What there is to say of one step. `depth` is that of the step in the trace."""

    span_id: str
    name: str
    kind: str
    depth: int
    reasons: tuple[Reason, ...]


def explain(trace: Trace, priced: Priced = lambda span: None) -> list[Explained]:
    """The steps of which there is something to say, in the order of the trace."""
    found = []
    for node in trace.nodes():
        span = node.span
        if span.kind in _TOLD or "routing" in span.attributes or span.error_code or span.operation == _SHADOW:
            reasons = tuple(_reasons(span, priced))
            if reasons:
                found.append(Explained(span.id, span.name, span.kind, node.depth, reasons))
    return found


def _reasons(span: Span, priced: Priced) -> Iterator[Reason]:
    topics = (
        ("prompt", _prompt), ("deployment", _deployment), ("cache", _cache), ("guard", _guard), ("limits", _limits),
        ("price", lambda span: _price(span, priced)), ("outcome", _outcome),
    )  # fmt: skip
    for topic, tell in topics:
        text = " ".join(tell(span))
        if text:
            yield Reason(topic, text)


def _prompt(span: Span) -> Iterator[str]:
    if span.prompt:
        yield f"The prompt was {span.prompt}."
    snapshot = span.versions.get("snapshot")
    if span.kind == "llm" and snapshot:
        yield f"The configuration was Snapshot {snapshot.partition('-')[0]}."


def _deployment(span: Span) -> Iterator[str]:
    """How the call came to its deployment: rules, fallbacks, the strategy, who was passed over, what failed before."""
    attributes = span.attributes
    if attributes.get("cache") or not span.deployment:
        return
    if span.request_model == span.deployment:
        yield f"The request itself names {span.deployment}."
    else:
        yield (
            f"'{span.request_model}' was asked for, and {span.deployment} answered."
            if span.status == "ok"
            else (f"'{span.request_model}' was asked for; {span.deployment} was asked.")
        )
        yield from _routing(str(attributes.get("routing") or ""))
    hardness = attributes.get("complexity")
    if isinstance(hardness, int | float):
        yield f"The request was taken to be hard with a probability of {hardness:.0%}."
    passed = attributes.get("passed_over")
    if isinstance(passed, list) and passed:
        yield f"Passed over: {'; '.join(map(str, passed))}."
    failed = [str(attributes[name]) for name in sorted(attributes) if re.fullmatch(r"attempt_\d+", name)]
    if failed:
        yield f"{len(failed)} attempt{'s' * (len(failed) != 1)} failed before: {'; '.join(failed)}."
    if attributes.get("hedged"):
        yield f"The first was slow to begin, so {attributes['hedged']} was asked beside it; the first to begin won."
    if attributes.get("stale"):
        yield "No deployment answered, so a cached answer past its time was given."


def _routing(routing: str) -> Iterator[str]:
    routing = routing.removesuffix(" hedged")
    *ways, strategy = routing.split(", ")
    for way in ways:
        yield from _matching(way, _WAYS)
    yield from _matching(strategy, _STRATEGIES)


def _matching(said: str, sentences: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for pattern, sentence in sentences:
        match = re.fullmatch(pattern, said)
        if match is not None:
            yield sentence.format(*match.groups())
            return
    if said:
        yield f"Reason: {said}."


def _cache(span: Span) -> Iterator[str]:
    told = _CACHES.get(str(span.attributes.get("cache") or ""))
    if told:
        yield told
    elif span.kind == "llm" and span.source == "gateway" and span.status == "ok":
        yield "No cache of ours answered."
    if span.usage is not None and span.usage.cached_tokens and not told:
        share = span.usage.cached_tokens / max(1, span.usage.input_tokens)
        yield f"The provider's prompt cache held {span.usage.cached_tokens:,} tokens of the input ({share:.0%})."
    saved = span.attributes.get("shaping_saved_tokens")
    if isinstance(saved, int) and saved:
        yield f"Shaping had taken {saved:,} tokens out of the request before it was sent."


def _guard(span: Span) -> Iterator[str]:
    if span.kind == "guard":
        about, verdict = span.attributes, span.attributes.get("verdict")
        if (did := _GUARD_DID.get(str(verdict))) and (policy := about.get("guard_policy")):
            who = f"The guard '{about.get('guard')}' of the policy '{policy}'"
            yield f"{who} {did}, at the stage {about.get('guard_stage')}: {about.get('guard_reason')}"
        elif verdict is not None:
            yield f"The guard '{span.name}' said: {verdict}."
        elif span.status == "ok":
            yield f"The guard '{span.name}' let it pass."
        else:
            yield f"The guard '{span.name}' did not let it pass."


def _limits(span: Span) -> Iterator[str]:
    told = _LIMITS.get(span.error_code or "")
    if told and not any(name.startswith("attempt_") for name in span.attributes):
        yield f"{told}: {span.error_message or span.error_code}"
    elif span.source == "gateway" and span.key_id and span.cost_nano is not None and span.kind != "chain":
        payer = f"key {span.key_id}" + (f" of team {span.team_id}" if span.team_id else "")
        yield f"It counted for {payer}."


def _price(span: Span, priced: Priced) -> Iterator[str]:
    if span.attributes.get("cache"):
        return
    if not span.cost_known and span.usage is None:
        yield "Nobody told how many tokens it took, so its cost is not known, and it is in no sum of costs."
    elif not span.cost_known:
        yield "Its price is not known, so it is in no sum of costs."
    elif span.cost_nano is not None and span.kind != "chain":
        made = priced(span)
        estimated = " (tokens estimated)" if span.usage is not None and span.usage.estimated else ""
        yield f"{usd(span.cost_nano)}{estimated}" + (f": {made}" if made else ".")


def _outcome(span: Span) -> Iterator[str]:
    if span.status == "error" and span.error_code not in _LIMITS:
        yield f"It failed after {duration(span.duration_us)}: {span.error_code}" + (
            f": {span.error_message}" if span.error_message else "."
        )
    elif span.status == "cancelled":
        yield f"It was cut off after {duration(span.duration_us)}: the caller left, or it was not needed any more."
    finish = span.attributes.get(RESPONSE_FINISH_REASONS)
    if isinstance(finish, list) and any(reason.lower() in _CUT for reason in finish):
        yield "The answer was cut off at the limit of its tokens."
    if span.operation == _SHADOW:
        yield "A mirrored call: it was compared with the live answer and never given to anybody."
