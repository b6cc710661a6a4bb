"""Runs and states over either database."""

from dataclasses import replace

from pilothouse.lifecycle.sentinel import kept as module
from pilothouse.lifecycle.sentinel.answers import Answer, Run
from pilothouse.lifecycle.sentinel.course import Change, Course
from pilothouse.lifecycle.sentinel.kept import Kept, Reading, State
from pilothouse.storage import Store

STATE = State("default", "pool/a", "plan", "learning", 1, 5, Course(reference=[1, 2]))


def reading(at: int, text: str = "Yes.") -> Reading:
    return Reading(Run(at_us=at, answers={"p": Answer(text=text, scores={"good": 0.5})}), evidence=at / 2)


def test_states_and_runs_come_back(store: Store) -> None:
    kept = Kept(store)
    for at in (1, 2, 5):
        kept.put(STATE, reading(at))
    change = Change(since_us=4, found_us=5, evidence=2000.0, models=[["a"], ["b"]])
    changed = replace(STATE, status="changed", course=Course(reference=[1, 2], change=change, alert_id="x"))
    kept.put(changed)
    kept.put(replace(STATE, project_id="shop"))
    assert kept.state("default", "pool/a") == changed
    assert kept.states("default") == [changed]
    assert kept.state("default", "none") is None
    assert kept.runs("default", "pool/a", [2, 1]) == [reading(1).run, reading(2).run]
    assert kept.runs("default", "pool/a", []) == []
    assert kept.readings("default", "pool/a", 2) == [reading(5), reading(2)]
    assert kept.readings("default", "pool/a", before=2) == [reading(1)]
    assert kept.readings("default", "pool/a", since=5) == [reading(5)]
    kept.drop("default", "pool/a")
    assert (kept.states("default"), kept.readings("default", "pool/a")) == ([], [])
    assert len(kept.states("shop")) == 1


def test_runs_of_another_plan_and_very_old_ones_go(store: Store, monkeypatch: object) -> None:
    monkeypatch.setattr(module, "_MOST", 3)  # type: ignore[attr-defined]
    kept = Kept(store)
    for at in range(1, 9):
        kept.put(STATE, reading(at))
    assert [one.run.at_us for one in kept.readings("default", "pool/a")] == [8, 7, 6, 2, 1]
    kept.put(replace(STATE, plan="other"), reading(9))
    assert [one.run.at_us for one in kept.readings("default", "pool/a")] == [9]
