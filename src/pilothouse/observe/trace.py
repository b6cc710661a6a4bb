"""A trace as a value: its spans, the tree they form, and what it all added up to. Knows nothing of databases."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property

from pilothouse.call import Span
from pilothouse.observe.facts import State
from pilothouse.observe.money import usd
from pilothouse.observe.names import to_attributes
from pilothouse.observe.rows import to_fact, to_row
from pilothouse.types import Json

__all__ = ["Node", "Totals", "Trace", "tree"]


@dataclass(slots=True)
class Node:
    """A span and the steps inside it, in the order they began. `depth` is 0 at the root."""

    span: Span
    depth: int = 0
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a trace. Tokens and cost count leaf calls only, so a call around calls is not counted twice.

    `cost_nano` sums what is known, None where no call had a price; `cost_known` is False where any price is missing.
    """

    spans: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_nano: int | None
    cost_known: bool

    @classmethod
    def of(cls, state: State) -> "Totals":
        calls = state.calls
        known = [call.cost_nano for call in calls if call.cost_nano is not None]
        return cls(
            spans=len(state.facts),
            errors=sum(fact.status == "error" for fact in state.facts.values()),
            input_tokens=sum(call.input_tokens or 0 for call in calls),
            output_tokens=sum(call.output_tokens or 0 for call in calls),
            cost_nano=sum(known) if known else None,
            cost_known=all(call.cost_known for call in calls),
        )

    @property
    def cost_text(self) -> str:
        """`$0.000123`, `unknown`, `$0.000123 + unknown`, or nothing where no call was made."""
        if self.cost_known:
            return "" if self.cost_nano is None else usd(self.cost_nano)
        return f"{usd(self.cost_nano)} + {usd(None)}" if self.cost_nano else usd(None)


@dataclass(frozen=True)
class Trace:
    """One trace. `spans` are ordered by their start; `truncated` where it has more of them than were read."""

    trace_id: str
    project_id: str
    spans: list[Span]
    truncated: bool = False

    @cached_property
    def roots(self) -> list[Node]:
        return tree(self.spans)

    @cached_property
    def totals(self) -> Totals:
        return Totals.of(State(to_fact(span, to_row(span)) for span in self.spans))

    @property
    def root(self) -> Span:
        """The first span that stands at the root."""
        return self.roots[0].span

    @cached_property
    def start_us(self) -> int:
        return min(span.start_us for span in self.spans)

    @cached_property
    def duration_us(self) -> int:
        return max(0, max(span.end_us for span in self.spans) - self.start_us)

    def nodes(self) -> Iterator[Node]:
        """Every node, parents before their children."""
        waiting = list(reversed(self.roots))
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def to_json(self, *, payload: bool = True) -> Json:
        """The trace for JSON output; attributes carry OpenTelemetry's names."""
        return {
            "trace_id": self.trace_id,
            "project_id": self.project_id,
            "start_us": self.start_us,
            "duration_us": self.duration_us,
            "status": self.root.status,
            "totals": asdict(self.totals),
            "truncated": self.truncated,
            "spans": [_span_json(span, payload) for span in self.spans],
        }


def tree(spans: Iterable[Span]) -> list[Node]:
    """The spans nested by parent. What has no parent here stands at the root; so does the first span of a cycle."""
    nodes = {span.id: Node(span) for span in sorted(spans, key=_begin)}
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(_parent_of(node.span))
        (roots if parent is None or parent is node else parent.children).append(node)
    seen: set[str] = set()
    _descend(roots, seen)
    for node in nodes.values():
        if node.span.id not in seen:
            nodes[_parent_of(node.span)].children.remove(node)
            roots.append(node)
            _descend([node], seen)
    return sorted(roots, key=lambda node: _begin(node.span))


def _parent_of(span: Span) -> str:
    """The id of the span around this one: of this process, or of the caller that sent a `traceparent`."""
    return span.parent_id or str(span.attributes.get("remote_parent_id") or "")


def _begin(span: Span) -> tuple[int, str]:
    return span.start_us, span.id


def _descend(roots: Iterable[Node], seen: set[str]) -> None:
    """Set the depth of everything below `roots`, and add it to `seen`."""
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        seen.add(node.span.id)
        for child in node.children:
            child.depth = node.depth + 1
            waiting.append(child)


def _span_json(span: Span, payload: bool) -> Json:
    shown: Json = {
        "id": span.id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "start_us": span.start_us,
        "duration_us": span.duration_us,
        "status": span.status,
        "attributes": to_attributes(span),
    }
    return {**shown, "input": span.input, "output": span.output} if payload else shown
