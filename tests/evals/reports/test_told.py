"""What a report says first."""

import json

import msgspec

from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.gates import check
from pilothouse.evals.reports.summary import summarise
from pilothouse.evals.reports.told import Facts, Told, verdict_of
from tests.evals.reports.conftest import Make

RUN = Facts(id="1", name="support", planned=4, done=4)


def test_one_sentence_decides(make: Make) -> None:
    outcomes = make("exact", [True, True, True, False])
    summary = summarise(outcomes)
    held, failed = check(["exact < 0.5", "exact < 0.9"], summary)
    none = Told(run=RUN, summary=summary)
    assert verdict_of(none) == "The run is done. It has no gates."
    assert verdict_of(msgspec.structs.replace(none, gates=(held,))) == "The gate held."
    assert verdict_of(msgspec.structs.replace(none, gates=(held, held))) == "All 2 gates held."
    both = msgspec.structs.replace(none, gates=(held, failed))
    assert verdict_of(both) == "1 of 2 gates failed."
    assert both.failed == [failed]
    stopped = msgspec.structs.replace(none, run=msgspec.structs.replace(RUN, status="stopped", done=2))
    assert verdict_of(stopped) == "The run is stopped, with 2 of 4 outcomes."


def test_as_json(make: Make) -> None:
    outcomes = make("exact", [True, False])
    summary, comparison = summarise(outcomes), compare(outcomes, outcomes)
    told = Told(
        run=RUN, summary=summary, comparison=comparison, baseline=RUN, gates=tuple(check(["errors > 0"], summary))
    )
    kept = json.loads(json.dumps(told.to_json()))
    assert (kept["passed"], kept["verdict"], kept["baseline"]["id"]) == (True, "The gate held.", "1")
    assert kept["comparison"]["metrics"]["exact"]["difference"] == 0
    assert Told(run=msgspec.structs.replace(RUN, status="failed"), summary=summary).to_json()["passed"] is False
