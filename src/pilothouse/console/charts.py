"""The geometry of the charts, which the templates draw as SVG. All figures are in units of the drawing."""

from dataclasses import dataclass, replace

from pilothouse.observe.money import duration
from pilothouse.observe.trace import Node, Trace

__all__ = ["WIDTH", "Bar", "share", "ticks", "waterfall"]

WIDTH = 1000
"""How wide a drawing is in its own units; the page stretches it."""

_NARROWEST = 3.0
_ALL_AT_ONCE = 0.98  # an answer whose first chunk comes this late came in one piece
_DEEPEST = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A step in the waterfall: where it lies, and how much of it was waiting for the first chunk of a stream.

    Of the nested lists that the steps form, one `opens` below this step, or so many `closes` behind it. `troubled`
    says that a step inside failed.
    """

    node: Node
    x: float
    width: float
    waited: float | None
    offset_us: int = 0
    opens: bool = False
    closes: int = 0
    troubled: bool = False

    @property
    def indent(self) -> int:
        """How far its name is moved in; beyond 14 levels the rest stands together."""
        return min(self.node.depth, _DEEPEST)


def waterfall(trace: Trace) -> list[Bar]:
    """A bar for every span, parents before their children."""
    scale = WIDTH / max(1, trace.duration_us)
    nodes = list(trace.nodes())
    levels = [min(node.depth, _DEEPEST) for node in nodes]
    troubled = _troubled(nodes, levels)
    following = [*levels[1:], 0]
    return [
        replace(
            _bar(node, trace.start_us, scale), opens=after > level, closes=max(0, level - after), troubled=trouble
        )
        for node, level, after, trouble in zip(nodes, levels, following, troubled, strict=True)
    ]  # fmt: skip


def _troubled(nodes: list[Node], levels: list[int]) -> list[bool]:
    """For each step whether one inside it failed."""
    told, below = [], [False] * (_DEEPEST + 2)
    for node, level in zip(reversed(nodes), reversed(levels), strict=True):
        told.append(below[level + 1])
        below[level] |= below[level + 1] or node.span.status == "error"
        below[level + 1 :] = [False] * (_DEEPEST + 1 - level)
    return told[::-1]


def ticks(trace: Trace, steps: int = 4) -> list[tuple[float, str]]:
    """(x, label) of the lines that divide the time of a trace evenly."""
    return [(WIDTH * i / steps, duration(trace.duration_us * i // steps) if i else "0") for i in range(steps + 1)]


def share(value: int, of: int) -> float:
    """How wide `value` is where `of` is the whole drawing."""
    return round(WIDTH * value / max(1, of), 1)


def _bar(node: Node, start_us: int, scale: float) -> Bar:
    span = node.span
    x = min(WIDTH - _NARROWEST, (span.start_us - start_us) * scale)
    width = min(WIDTH - x, max(_NARROWEST, span.duration_us * scale))
    waited = 0.0 if span.ttft_us is None else span.ttft_us * scale
    streamed = 0 < waited < _ALL_AT_ONCE * width
    return Bar(
        node, round(x, 1), round(width, 1), round(waited, 1) if streamed else None, offset_us=span.start_us - start_us
    )
