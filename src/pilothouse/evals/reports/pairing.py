"""The cases of two runs, matched: by id, or by what was asked where no id is the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pilothouse.cases import Case, Outcome
from pilothouse.ids import content_hash

__all__ = ["Matched", "match"]


@dataclass(frozen=True, slots=True)
class Matched:
    """Outcomes whose case ids say which belong together. `changed` counts cases whose input differs in spite of it."""

    before: Sequence[Outcome]
    after: Sequence[Outcome]
    by: str
    changed: int


def match(before: Sequence[Outcome], after: Sequence[Outcome]) -> Matched:
    """Match two runs. Matched by input, a case has its id of the run after; an input asked twice in a run matches as
    often as both have it."""
    old, new = _cases(before), _cases(after)
    both = old.keys() & new.keys()
    if both or not old or not new:
        return Matched(before, after, "id", sum(old[one].input != new[one].input for one in both))
    ids: dict[str, list[str]] = {}
    for case_id, case in new.items():
        ids.setdefault(content_hash(case.input), []).append(case_id)
    renamed = {}
    for case_id, case in old.items():
        if same := ids.get(content_hash(case.input)):
            renamed[case_id] = same.pop(0)
    if not renamed:
        return Matched(before, after, "id", 0)
    named = [_renamed(one, renamed[one.case.id]) if one.case.id in renamed else one for one in before]
    return Matched(named, after, "input", 0)


def _cases(outcomes: Sequence[Outcome]) -> dict[str, Case]:
    return {outcome.case.id: outcome.case for outcome in outcomes}


def _renamed(outcome: Outcome, case_id: str) -> Outcome:
    return msgspec.structs.replace(outcome, case=msgspec.structs.replace(outcome.case, id=case_id))
