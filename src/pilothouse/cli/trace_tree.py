"""Traces on the terminal: a list of them, and one as a tree of its spans beside their time, tokens and cost.

`traces` and the demo print these. Knows nothing of where traces come from.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from pilothouse.call import Span
from pilothouse.cli.context import plain
from pilothouse.observe.explain import Explained
from pilothouse.observe.money import duration, usd
from pilothouse.observe.trace import Node, Trace
from pilothouse.observe.traces import TraceRow

__all__ = ["one_line", "render_explained", "render_list", "render_trace"]

_BAR_WIDTH = 24
_BAR_NEEDS = 118  # columns of the terminal
_DEPLOYMENT_NEEDS = 96
_EIGHTHS = "▏▎▍▌▋▊▉█"
_LONGEST = 400
_STYLES = {"error": "red", "cancelled": "yellow"}
_KIND_STYLES = {"llm": "cyan", "embedding": "blue", "retriever": "green", "reranker": "green", "guard": "magenta"}


def render_trace(trace: Trace) -> RenderableType:
    """What `rich.print` shows as the trace; it fits itself to the width of the terminal."""
    return _TraceView(trace)


def render_list(rows: Sequence[TraceRow]) -> RenderableType:
    """What `rich.print` shows as the list: ids are never cut, the rest as the width allows."""
    return _ListView(rows)


def render_explained(steps: Sequence[Explained]) -> RenderableType:
    """What `rich.print` shows as the reasons, step by step."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    for number, step in enumerate(steps):
        if number:
            table.add_row("", "")
        table.add_row("", Text(one_line(step.name, 80), style="bold"))
        for reason in step.reasons:
            table.add_row(reason.topic, one_line(reason.text, 2000))
    return table


def one_line(text: str, limit: int = _LONGEST) -> str:
    """Text that came from outside, safe to print: one line, no control or direction characters, not endless."""
    shown = plain("".join(" " if c.isspace() else c for c in text[:limit]))
    return shown if len(text) <= limit else f"{shown}…"


class _ListView:
    def __init__(self, rows: Sequence[TraceRow]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        roomy = options.max_width >= _DEPLOYMENT_NEEDS
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
        table.add_column("started", no_wrap=True)
        table.add_column("trace", no_wrap=True)
        table.add_column("name", no_wrap=True, overflow="ellipsis", ratio=1)
        for heading in ("time", *(("first", "tokens") if roomy else ()), "cost"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in self._rows:
            table.add_row(*self._cells(row, roomy))
        yield table

    def _cells(self, row: TraceRow, roomy: bool) -> Iterator[RenderableType]:
        began = datetime.fromtimestamp(row.start_us / 1e6).astimezone()
        today = began.date() == datetime.now().astimezone().date()
        totals, style = row.totals, _STYLES.get(row.status, "")
        failed = f"  {one_line(row.error_code, 40)}" if row.error_code else ""
        yield Text(began.strftime("%H:%M:%S" if today else "%m-%d %H:%M"), style="dim")
        yield Text(one_line(row.trace_id), style="cyan")
        yield Text.assemble(
            (one_line(row.name, 60), style), (failed, style), (f"  {one_line(row.preview or '', 80)}", "dim")
        )
        yield duration(row.duration_us)
        if roomy:
            yield duration(row.ttft_us)
            yield f"{totals.input_tokens:,} → {totals.output_tokens:,}" if totals.input_tokens else ""
        yield totals.cost_text


class _TraceView:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._header()
        yield self._table(options.max_width)
        yield from self._errors()
        if self._trace.truncated:
            yield Text("The trace has more spans than are shown here.", style="yellow")
        yield from self._versions()

    def _header(self) -> Text:
        trace, totals = self._trace, self._trace.totals
        facts = [f"{totals.spans} span{'s' * (totals.spans != 1)}", duration(trace.duration_us)]
        if totals.input_tokens or totals.output_tokens:
            facts.append(f"{totals.input_tokens:,} → {totals.output_tokens:,} tokens")
        if totals.cost_text:
            facts.append(totals.cost_text)
        return Text.assemble(("Trace ", "bold"), (one_line(trace.trace_id), "bold cyan"), "  ", " · ".join(facts))

    def _table(self, width: int) -> Table:
        """As many columns as the width has room for; figures are never cut."""
        rows = [(guides, node.span, _figures(node.span)) for guides, node in _guided(self._trace.roots)]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("step", no_wrap=True, overflow="ellipsis")
        if width >= _BAR_NEEDS:
            table.add_column("", no_wrap=True, width=_BAR_WIDTH)
        for i, heading in enumerate(("time", "first", "tokens", "cost")):
            longest = max(len(figures[i]) for _, _, figures in rows)
            table.add_column(heading, justify="right", no_wrap=True, min_width=max(longest, len(heading)))
        if width >= _DEPLOYMENT_NEEDS:
            table.add_column("answered by", no_wrap=True, overflow="ellipsis")
        for guides, span, figures in rows:
            cells: list[RenderableType] = [Text.assemble((guides, "dim"), *_title(span)), *figures]
            if width >= _BAR_NEEDS:
                cells.insert(1, self._bar(span))
            if width >= _DEPLOYMENT_NEEDS:
                cells.append(Text(one_line(span.deployment or span.request_model or ""), style="dim"))
            table.add_row(*cells)
        return table

    def _bar(self, span: Span) -> Text:
        """Where the span lies within the trace, in eighths of a character."""
        whole = max(1, self._trace.duration_us)
        left = (span.start_us - self._trace.start_us) * _BAR_WIDTH / whole
        first = min(_BAR_WIDTH - 1, int(left))
        width = min(_BAR_WIDTH - first, span.duration_us * _BAR_WIDTH / whole)
        full, rest = divmod(max(1, round(width * 8)), 8)
        bar = "█" * full + (_EIGHTHS[rest - 1] if rest else "")
        return Text(" " * first + bar, style=_STYLES.get(span.status) or _KIND_STYLES.get(span.kind, "bright_black"))

    def _errors(self) -> Iterator[Text]:
        for node in self._trace.nodes():
            span = node.span
            if span.error_code:
                said = one_line(f"{span.error_code}: {span.error_message or ''}")
                yield Text.assemble((f"{one_line(span.name, 60)}  ", "bold"), (said, _STYLES.get(span.status, "")))

    def _versions(self) -> Iterator[Text]:
        root = self._trace.root
        if root.versions:
            pairs = " · ".join(f"{name} {version}" for name, version in sorted(root.versions.items()))
            yield Text.assemble(("Made by  ", "dim"), one_line(pairs))
        if root.manifest_id:
            yield Text.assemble(("Manifest ", "dim"), one_line(root.manifest_id))


def _guided(roots: list[Node]) -> Iterator[tuple[str, Node]]:
    """Every node with the lines that lead to it, parents first."""
    waiting = [("", "", node) for node in reversed(roots)]
    while waiting:
        guides, below, node = waiting.pop()
        yield guides, node
        last = node.children[-1:]
        for child in reversed(node.children):
            ends = child in last
            waiting.append((below + ("└─ " if ends else "├─ "), below + ("   " if ends else "│  "), child))


def _title(span: Span) -> list[tuple[str, str]]:
    name = (one_line(span.name, 60), _STYLES.get(span.status, "bold" if span.parent_id is None else ""))
    mark = {"error": " ✗", "cancelled": " ⊘"}.get(span.status, "")
    return [name, (mark, _STYLES.get(span.status, "")), (f" {span.kind}", _KIND_STYLES.get(span.kind, "dim"))]


def _figures(span: Span) -> tuple[str, str, str, str]:
    """Time, time to the first chunk, tokens and cost, each empty where there is none."""
    usage = span.usage
    tokens = f"{'~' * usage.estimated}{usage.input_tokens:,} → {usage.output_tokens:,}" if usage else ""
    cost = "" if span.cost_nano is None and span.cost_known else usd(span.cost_nano)
    return duration(span.duration_us), duration(span.ttft_us), tokens, cost
