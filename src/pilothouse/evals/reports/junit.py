"""A run as JUnit XML: a test for each case, and the gates as a suite of their own.

The elements, attributes and their order are those which both the schema of Ant's reports and that of Jenkins allow.
"""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from pilothouse.cases import Outcome, Verdict
from pilothouse.evals.reports.escaping import xml_text
from pilothouse.evals.reports.told import Told

__all__ = ["junit"]

_LONG = 4000


def junit(told: Told, outcomes: Iterable[Outcome]) -> str:
    """The XML document. A case fails where an evaluator does not pass it, of several trials where most do not; it is an
    error where its task or an evaluator failed, and skipped where nothing could be told of it."""
    root = ET.Element("testsuites")
    suite = told.run.suite or told.run.name
    cases: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        cases.setdefault(outcome.case.id, []).append(outcome)
    tests = [_case(suite, case_id, own) for case_id, own in cases.items()]
    properties = {"run": told.run.id, "subject": told.run.subject, "dataset": told.run.dataset}
    for name, metric in told.summary.metrics.items():
        if metric.mean is not None:
            properties[f"{name}.mean"] = repr(metric.mean)
    _suite(root, 0, suite, told, tests, properties)
    if told.gates:
        gates = []
        for gate in told.gates:
            test = _test(gate.text, f"{suite}.gates", 0.0)
            if not gate.passed:
                _outcome(test, "failure", "gate", gate.sentence, gate.sentence)
            gates.append(test)
        _suite(root, 1, f"{suite}.gates", told, gates, {})
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(
    root: ET.Element, number: int, name: str, told: Told, tests: Sequence[ET.Element], properties: dict[str, str]
) -> None:
    counts = {kind: sum(test.find(kind) is not None for test in tests) for kind in ("failure", "error", "skipped")}
    suite = ET.SubElement(
        root, "testsuite", name=_token(name), package="pilothouse", id=str(number), timestamp=told.run.began,
        hostname="localhost", tests=str(len(tests)), failures=str(counts["failure"]), errors=str(counts["error"]),
        skipped=str(counts["skipped"]), time=f"{sum(float(test.get('time', '0')) for test in tests):.3f}",
    )  # fmt: skip
    listed = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        if value:
            ET.SubElement(listed, "property", name=_token(key), value=xml_text(value))
    suite.extend(tests)
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")


def _case(suite: str, case_id: str, outcomes: Sequence[Outcome]) -> ET.Element:
    test = _test(case_id, suite, sum(one.case.latency_s or 0.0 for one in outcomes))
    verdicts = [verdict for one in outcomes for verdict in one.verdicts]
    by_name: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_name.setdefault(verdict.evaluator, []).append(verdict)
    not_passed = [name for name, own in by_name.items() if _fails(own)]
    errors = [one.error for one in outcomes if one.error is not None]
    failed = [verdict for verdict in verdicts if verdict.status == "failed"]
    skipped = [verdict for verdict in verdicts if verdict.status == "skipped"]
    if not_passed:
        _outcome(
            test, "failure", ", ".join(not_passed), f"not passed: {', '.join(not_passed)}", _shown(outcomes, not_passed)
        )
    elif errors:
        _outcome(test, "error", "task", errors[0], _shown(outcomes, ()))
    elif failed:
        _outcome(
            test, "error", failed[0].evaluator, f"{failed[0].evaluator}: {failed[0].explanation}", _shown(outcomes, ())
        )
    elif len(skipped) == len(verdicts):
        why = skipped[0].explanation if skipped else "no evaluator said anything"
        ET.SubElement(test, "skipped", message=_line(why))
    return test


def _fails(verdicts: Sequence[Verdict]) -> bool:
    passes = [verdict.passed for verdict in verdicts if verdict.passed is not None]
    return bool(passes) and sum(passes) * 2 <= len(passes)


def _shown(outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    """What was asked and answered in the first trial that shows it, and what evaluators say."""
    outcome = next(
        (one for one in outcomes if any(v.evaluator in names and v.passed is False for v in one.verdicts)), outcomes[0]
    )
    case = outcome.case
    lines = [f"input: {case.input}", f"output: {case.output}"]
    if case.expected is not None:
        lines.append(f"expected: {case.expected}")
    for verdict in outcome.verdicts:
        said = verdict.status if verdict.passed is None else "passed" if verdict.passed else "not passed"
        score = "" if verdict.score is None else f" {verdict.score:.4g}"
        lines.append(f"{verdict.evaluator}: {said}{score} {verdict.explanation}".rstrip())
    if case.trace_id:
        lines.append(f"trace: {case.trace_id}")
    return "\n".join(line if len(line) <= _LONG else line[: _LONG - 1] + "…" for line in lines)


def _test(name: str, classname: str, time: float) -> ET.Element:
    return ET.Element("testcase", name=_token(name), classname=_token(classname), time=f"{time:.3f}")


def _outcome(test: ET.Element, kind: str, what: str, message: str, text: str) -> None:
    ET.SubElement(test, kind, type=_token(what), message=_line(message)).text = xml_text(text)


def _token(text: str) -> str:
    return " ".join(xml_text(text).split()) or "-"


def _line(text: str) -> str:
    told = _token(text)
    return told if len(told) <= 500 else told[:499] + "…"
