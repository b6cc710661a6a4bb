"""A run and a comparison as lines for a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from pilothouse.evals.reports.compare import Comparison
from pilothouse.evals.reports.figures import figure, interval, money, percent, probability, seconds, signed, times
from pilothouse.evals.reports.flips import Flip
from pilothouse.evals.reports.slicing import SliceOf
from pilothouse.evals.reports.told import Facts, Told, verdict_of

__all__ = ["in_columns", "shown_comparison", "shown_flips", "shown_gates", "shown_told"]

_FLIPS, _SLICES, _EXCERPT = 10, 5, 70


def shown_told(told: Told) -> Iterator[str]:
    """Everything, the verdict first."""
    summary = told.summary
    yield f"{told.run.name} ({told.run.id}): {verdict_of(told)}"
    yield from shown_gates(told)
    yield ""
    rows = [["", "mean", "95% interval", "passes", "n", "failed", "skipped"]]
    for one in summary.metrics.values():
        counts = [str(one.n), str(one.failed), str(one.skipped)]
        rows.append([one.name, figure(one.mean), interval(one.low, one.high), percent(one.pass_rate), *counts])
        for name, told_of in one.criteria.items():
            bounds = interval(told_of.low, told_of.high)
            rows.append([f"  {name} (1 to 5)", figure(told_of.value), bounds, "", str(told_of.n), "", ""])
    yield from in_columns(rows)
    yield ""
    trials = f" x {summary.trials} trials" if summary.trials > 1 else ""
    yield f"{summary.cases} cases{trials}, {summary.errors} failed. Cost {money(summary.cost_nano, summary.unpriced)}."
    if summary.latency.p50 is not None:
        yield f"Latency p50 {seconds(summary.latency.p50)}, p95 {seconds(summary.latency.p95)}."
    for reason in summary.why_errors:
        yield f"The task failed {times(reason.count)}: {reason.text}"
    for one in summary.metrics.values():
        for reason in one.why:
            yield f"{one.name} could not be told {times(reason.count)}: {reason.text}"
    if summary.flaky_cases:
        yield f"{summary.flaky_cases} cases are flaky: " + ", ".join(
            [*dict.fromkeys(one.case_id for one in summary.flaky)][:5]
        )
    yield from _slices(summary.slices)
    yield from told.notes
    if told.comparison is not None and told.baseline is not None:
        yield ""
        yield f"Compared with {told.baseline.name} ({told.baseline.id}), over {told.comparison.shared} cases:"
        yield from _changes(told.comparison)


def shown_comparison(comparison: Comparison, before: Facts, after: Facts) -> Iterator[str]:
    """What changed, metric by metric, then the flips."""
    yield f"{before.name} ({before.id}) -> {after.name} ({after.id}), over {comparison.shared} cases"
    yield from _changes(comparison)


def _changes(comparison: Comparison) -> Iterator[str]:
    rows = [["", "before", "after", "change", "95% interval", "p", ""]]
    for one in comparison.metrics.values():
        bounds = interval(one.low, one.high)
        cells = [figure(one.before), figure(one.after), signed(one.difference), bounds, probability(one.p_corrected)]
        rows.append([one.name, *cells, one.verdict])
    for name, pair in (("cost a case (USD)", comparison.cost), ("latency a case (s)", comparison.latency)):
        if pair is not None:
            change = [signed(pair.difference), interval(pair.low, pair.high)]
            rows.append([name, figure(pair.before), figure(pair.after), *change, "", ""])
    yield from in_columns(rows, (0, 6))
    yield "p is corrected for all that is compared."
    yield from shown_flips(comparison)
    yield from _slices(comparison.slices)
    yield from comparison.untold


def shown_gates(told: Told) -> Iterator[str]:
    """Each gate with its sentence, the failed ones first."""
    for gate in sorted(told.gates, key=lambda gate: gate.passed):
        yield f"  {'held  ' if gate.passed else 'FAILED'} {gate.text}: {gate.sentence}"


def shown_flips(comparison: Comparison) -> Iterator[str]:
    """The worst flips; none is said, too."""
    if not comparison.flips:
        yield "No case flipped."
        return
    yield f"{comparison.flipped} cases flipped, the worst first:"
    yield from in_columns([_flip(one) for one in comparison.flips[:_FLIPS]], (0, 1, 3, 4))


def in_columns(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,)) -> Iterator[str]:
    """Rows of cells in columns, those at the places `left` to the left, others, as numbers, to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    places = set(left)
    for row in rows:
        cells = (
            cell.ljust(width) if place in places else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _flip(one: Flip) -> list[str]:
    moved = f"{figure(one.before.score)} -> {figure(one.after.score)}"
    return [one.metric, one.kind, moved, one.case_id, " ".join(one.input.split())[:_EXCERPT]]


def _slices(slices: Iterable[SliceOf]) -> Iterator[str]:
    told = list(slices)[:_SLICES]
    if told:
        yield "Slices, the worst first:"
        yield from in_columns([
            [f"{one.key} = {one.value}", one.metric, str(one.n), figure(one.mean), interval(one.low, one.high),
             f"p {probability(one.p)}"] for one in told
        ])  # fmt: skip
