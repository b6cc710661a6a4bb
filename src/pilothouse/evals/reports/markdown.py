"""A report as Markdown, fit for a comment on a pull request: what decides on top, the rest folded away."""

from collections.abc import Iterable, Sequence

from pilothouse.evals.reports.compare import Change, Comparison
from pilothouse.evals.reports.escaping import block, code, inline
from pilothouse.evals.reports.figures import figure, interval, money, percent, probability, seconds, signed, times
from pilothouse.evals.reports.flips import Flip
from pilothouse.evals.reports.gathering import Reason
from pilothouse.evals.reports.slicing import SliceOf
from pilothouse.evals.reports.summary import Metric, Summary
from pilothouse.evals.reports.told import Told, verdict_of

__all__ = ["MOST", "folded", "join_within", "markdown"]

MOST = 60_000
"""Characters: GitHub takes a comment of 65,536."""

_TOP, _ALL, _SHOWN, _SLICES = 3, 50, 10, 20
_KINDS = {"lost": "passed before, not now", "fell": "fell", "won": "passed now, not before", "rose": "rose"}


def markdown(told: Told, most: int = MOST) -> str:
    """The report, at most so many characters: what does not fit is left out from the end, and named."""
    good = told.complete and not told.failed
    run = told.run
    lines = [
        f"### {'✅' if good else '❌'} {inline(run.name)}: {inline(verdict_of(told))}",
        "",
        *_gates(told),
        *_table(told.summary, told.comparison),
        "",
        *_below_the_table(told),
    ]
    if told.comparison is not None:
        lines += _flips_in_short(told.comparison)
    return join_within("\n".join(lines), _details(told), _foot(told), most)


def join_within(head: str, details: Iterable[tuple[str, str]], foot: str, most: int) -> str:
    """Head, folded details (title, Markdown) as far as they fit, foot."""
    left_out: list[str] = []
    parts, room = [head], most - len(head) - len(foot) - 400
    for title, text in details:
        part = folded(title, text)
        if left_out or len(part) + 2 > room:
            left_out.append(title)
            continue
        parts.append(part)
        room -= len(part) + 2
    if left_out:
        parts.append(f"Left out, since a comment holds no more: {', '.join(left_out)}.")
    return "\n\n".join([*parts, foot])[:most] + "\n"


def folded(title: str, text: str) -> str:
    """Shown after a click on its title."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def _gates(told: Told) -> list[str]:
    if not told.gates:
        return []
    order = sorted(told.gates, key=lambda gate: gate.passed)
    return [f"- {'✅' if gate.passed else '❌'} {code(gate.text)} {inline(gate.sentence)}" for gate in order] + [""]


def _table(summary: Summary, comparison: Comparison | None) -> list[str]:
    if not summary.metrics:
        return ["No evaluator said anything."]
    head = ["evaluator", "mean (95% interval)", "passes", "not told"]
    if comparison is not None:
        head[1:1] = ["before"]
        head[3:3] = ["change (95% interval)", "p"]
    rows = [_row(metric, comparison) for metric in summary.metrics.values()]
    rule = ["---", *(["---:"] * (len(head) - 1))]
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]


def _row(metric: Metric, comparison: Comparison | None) -> list[str]:
    mean = "–" if metric.mean is None else f"{figure(metric.mean)} ({interval(metric.low, metric.high)})"
    if metric.mean is None and metric.labels:
        mean = ", ".join(f"{inline(label, 40)} {count}" for label, count in list(metric.labels.items())[:3])
    name = code(metric.name) + (" ↓" if metric.lower_is_better else "")
    missing = [f"{count} {what}" for what, count in (("failed", metric.failed), ("skipped", metric.skipped)) if count]
    cells = [name, mean, percent(metric.pass_rate), ", ".join(missing) or "0"]
    if comparison is not None:
        change = comparison.metrics.get(metric.name)
        cells[1:1] = ["–" if change is None else figure(change.before)]
        cells[3:3] = ["–", "–"] if change is None else [_changed(change), probability(change.p_corrected)]
    return cells


def _changed(change: Change) -> str:
    mark = {"better": " **better**", "worse": " **worse**"}.get(change.verdict, "")
    return f"{signed(change.difference)} ({interval(change.low, change.high)}){mark}"


def _below_the_table(told: Told) -> list[str]:
    summary, comparison = told.summary, told.comparison
    said = [
        f"{summary.cases} cases" + (f" × {summary.trials} trials" if summary.trials > 1 else ""),
        f"{summary.errors} failed" if summary.errors else "none failed",
        f"cost {money(summary.cost_nano, summary.unpriced)}" + _paid(told),
    ]
    if summary.latency.p50 is not None:
        said.append(f"latency p50 {seconds(summary.latency.p50)}, p95 {seconds(summary.latency.p95)}")
    if summary.flaky_cases:
        said.append(f"{summary.flaky_cases} flaky")
    lines = ["; ".join(said) + "."]
    if comparison is not None:
        lines.append(
            f"Compared over {comparison.shared} cases" + _beside(told) + ". p is corrected for all evaluators."
        )
    return [*lines, "", *(f"- {inline(note)}" for note in told.notes), ""]


def _paid(told: Told) -> str:
    return f" ({told.summary.cached} of {told.summary.outcomes} answers were kept from before)" * bool(
        told.summary.cached
    )


def _beside(told: Told) -> str:
    if told.baseline is None:
        return ""
    where = f" on {code(told.baseline.branch)}" if told.baseline.branch else ""
    return f" with {code(told.baseline.name)}{where} ({inline(told.baseline.id)})"


def _flips_in_short(comparison: Comparison) -> list[str]:
    if not comparison.flips:
        return ["No case flipped."]
    counts = {kind: sum(one.kind == kind for one in comparison.flips) for kind in _KINDS}
    said = ", ".join(f"{count} {_KINDS[kind]}" for kind, count in counts.items() if count)
    more = "" if comparison.flipped == len(comparison.flips) else f" (of the worst {len(comparison.flips)})"
    worst = [one for one in comparison.flips if one.kind in ("lost", "fell")][:_TOP]
    return [f"**Flips**{more}: {said}.", *(f"- {_flip(one)}: {code(one.input)}" for one in worst)]


def _flip(flip: Flip) -> str:
    scores = flip.before.score, flip.after.score
    moved = "" if None in scores else f" ({figure(scores[0])} → {figure(scores[1])})"
    return f"{code(flip.metric)} {_KINDS[flip.kind]}{moved}, case {code(flip.case_id, 60)}"


def _details(told: Told) -> Iterable[tuple[str, str]]:
    comparison, summary = told.comparison, told.summary
    if comparison is not None and comparison.flips:
        yield f"Flips, the worst first ({comparison.flipped})", _flips(comparison.flips)
    if comparison is not None and comparison.slices:
        yield "Slices by their change, the worst first", _slices(comparison.slices)
    if summary.slices:
        yield "Slices, the worst first", _slices(summary.slices, summary.small_slices)
    if comparison is not None:
        yield "What was compared, and what could not be", _compared(comparison)
    if any(metric.why for metric in summary.metrics.values()) or summary.why_errors:
        yield "What could not be told, and why", _reasons(summary)
    if any(metric.criteria for metric in summary.metrics.values()):
        yield "By criterion, from 1 to 5", _criteria(summary)
    if any(len(metric.pass_at_k) > 1 for metric in summary.metrics.values()):
        yield f"Of {summary.trials} trials", _trials(summary)


def _flips(flips: Sequence[Flip]) -> str:
    parts = []
    for place, flip in enumerate(flips[:_ALL]):
        parts.append(f"{place + 1}. {_flip(flip)}: {code(flip.input, 200)}")
        if place < _SHOWN:
            for side, name in ((flip.before, "before"), (flip.after, "after")):
                why = f" {inline(side.explanation, 200)}" if side.explanation else ""
                parts.append(f"\n{name}:{why}\n\n{block(side.output, 600)}\n")
    if len(flips) > _ALL:
        parts.append(f"\nand {len(flips) - _ALL} more.")
    return "\n".join(parts)


def _slices(slices: Sequence[SliceOf], small: dict[str, int] | None = None) -> str:
    rows = ["| slice | evaluator | cases | mean (95% interval) | against the rest | p |", "|---|---|--:|--:|--:|--:|"]
    for one in slices[:_SLICES]:
        name = f"{code(one.key, 60)} {code(one.value, 60)}"
        mean = f"{figure(one.mean)} ({interval(one.low, one.high)})"
        rows.append(
            f"| {name} | {code(one.metric)} | {one.n} | {mean} | {signed(one.difference)} | {probability(one.p)} |"
        )
    if len(slices) > _SLICES:
        rows.append(f"\nand {len(slices) - _SLICES} more.")
    for key, count in (small or {}).items():
        rows.append(f"\n{count} slices by {code(key)} have too few cases.")
    return "\n".join([*rows, "\np is corrected for the number of slices."])


def _compared(comparison: Comparison) -> str:
    lines = []
    for name, pair in (("cost a case (USD)", comparison.cost), ("latency a case (s)", comparison.latency)):
        if pair is not None:
            bounds = interval(pair.low, pair.high)
            said = f"{signed(pair.difference)} ({bounds}) over {pair.n} cases"
            lines.append(f"- {name}: {figure(pair.before)} → {figure(pair.after)}, {said}")
    for change in comparison.metrics.values():
        said = f"over {change.n} cases, p {probability(change.p)} uncorrected"
        if change.effect is not None:
            said += f", effect d = {change.effect:.2f}"
        if change.detectable is not None:
            said += f"; so many cases show a change of {figure(change.detectable)} eight times of ten"
        lines.append(f"- {code(change.name)}: {change.verdict}, {said}")
    return "\n".join([*lines, *(f"- {inline(one)}" for one in comparison.untold)])


def _reasons(summary: Summary) -> str:
    def listed(what: str, reasons: Sequence[Reason]) -> list[str]:
        return [f"- {what}, {times(one.count)}: {inline(one.text)}" for one in reasons]

    lines = listed("the task failed", summary.why_errors)
    for metric in summary.metrics.values():
        lines += listed(code(metric.name), metric.why)
    return "\n".join(lines)


def _criteria(summary: Summary) -> str:
    rows = ["| evaluator | criterion | cases | mean (95% interval) |", "|---|---|--:|--:|"]
    for metric in summary.metrics.values():
        for name, one in metric.criteria.items():
            mean = f"{figure(one.value)} ({interval(one.low, one.high)})"
            rows.append(f"| {code(metric.name)} | {code(name)} | {one.n} | {mean} |")
    return "\n".join(rows)


def _trials(summary: Summary) -> str:
    rows = ["| evaluator | k | at least one of k passes | all of k pass |", "|---|--:|--:|--:|"]
    for metric in summary.metrics.values():
        for k, least in metric.pass_at_k.items():
            every = metric.pass_hat_k[k]
            cells = (f"{figure(one.value)} ({interval(one.low, one.high)})" for one in (least, every))
            rows.append(f"| {code(metric.name)} | {k} | {' | '.join(cells)} |")
    rows += [
        f"\n{code(one.case_id)} passed {one.passed} of {one.trials} by {code(one.metric)}." for one in summary.flaky[:5]
    ]
    return "\n".join(rows)


def _foot(told: Told) -> str:
    run = told.run
    said = [f"Run {inline(run.id)}", inline(run.suite), inline(run.subject), inline(run.dataset)]
    if run.commit:
        said.append(f"commit {inline(run.commit[:12])}")
    return f"<sub>{' · '.join(one for one in said if one)}</sub>"
