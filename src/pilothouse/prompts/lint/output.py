"""Findings as lines for a terminal, as JSON, and as annotations of GitHub's checks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pilothouse.observe.money import usd
from pilothouse.prompts.lint.finding import SEVERITIES, Finding
from pilothouse.prompts.lint.linter import Report

__all__ = ["annotations", "lines", "statistics", "summary"]

_LEVELS = {"error": "error", "warning": "warning", "advice": "notice"}


def lines(report: Report, short: bool = False) -> Iterator[str]:
    """Each finding as `file:line:column: code [severity] what`, then why and a wording that would do; then what the
    prompt costs. `short` leaves all but the first of these lines out."""
    for one in report.findings:
        yield f"{_place(one)}: {one.code} [{one.severity}] {one.text}"
        if not short:
            yield f"    why: {one.why}"
            first, *more = one.instead.split("\n")
            yield f"    try: {first}"
            yield from (f"         {line}" for line in more)
    if not short:
        yield from (f"{report.name}: note: {note}" for note in report.notes)
        yield from _costs(report)


def _place(one: Finding) -> str:
    message = "" if one.message is None else f" (message {one.message})"
    return f"{one.name}:{one.line}:{one.column}{message}"


def _costs(report: Report) -> Iterator[str]:
    costs = report.costs
    if not costs.written:
        return
    told = f"about {costs.written:,} tokens as written, {costs.input:,} with its variables"
    yield f"{report.name}: {told}; {costs.cached:,} can be cached, {costs.cacheable:,} if what changes came last"
    for one in costs.models:
        price = "an unknown price" if one.nano is None else f"{usd(one.nano)} a call"
        yield f"{report.name}: {one.model}: {price} with an answer of {costs.answer:,} tokens"
    if costs.models:
        yield f"{report.name}: {costs.assumed}"


def summary(reports: Sequence[Report]) -> str:
    """How many of each severity were found, in a sentence."""
    found = Counter(one.severity for report in reports for one in report.findings)
    prompts = f"{len(reports)} prompt{'s' if len(reports) != 1 else ''}"
    if not found:
        return f"Nothing found in {prompts}."
    told = [
        f"{found[one]} {one}{'s' if found[one] != 1 and one != 'advice' else ''}" for one in SEVERITIES if found[one]
    ]
    return f"Found {', '.join(told)} in {prompts}."


def statistics(reports: Iterable[Report]) -> list[dict[str, str | int]]:
    """How often each rule found something, the most frequent first."""
    found = Counter((one.code, one.rule, one.severity) for report in reports for one in report.findings)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"code": code, "rule": rule, "severity": grave, "findings": n} for (code, rule, grave), n in ranked]


def annotations(report: Report) -> Iterator[str]:
    """Workflow commands by which GitHub shows each finding beside its line."""
    for one in report.findings:
        place = (
            f"file={_property(one.name)},line={one.line},col={one.column},title={_property(f'{one.code} {one.rule}')}"
        )
        yield f"::{_LEVELS[one.severity]} {place}::{_data(f'{one.text} {one.why} Try: {one.instead}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
