"""What is summed by arm and unit is what reading every call and every score would give, whatever happened to them."""

import random
from collections import defaultdict
from typing import Any

import numpy as np
from sqlalchemy import select

from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.unit_calls import unit_calls
from pilothouse.storage import Store
from pilothouse.storage.tables import prompt_calls, scores

from .conftest import Write
from .making import full_span

AT = 1_700_000_000_000_000
COLUMNS, NAMES = ["cost_nano", "error"], ["good", "feedback"]
Units = dict[tuple[str, str], dict[str, Any]]


def summed(store: Store) -> Units:
    """As the database sums."""
    found = unit_calls(store, "default", "e", COLUMNS, NAMES)
    pairs = [*zip(found.arms, found.units, strict=True)]
    assert len({*pairs}) == len(pairs)
    return {
        pair: {
            "calls": found.calls[at], "first_us": found.first_us[at],
            **{name: (one.known[at], one.total[at]) for name, one in {**found.columns, **found.scores}.items()},
        }
        for at, pair in enumerate(pairs)
    }  # fmt: skip


def read(store: Store) -> Units:
    """By reading everything, one row after another."""
    told: Units = defaultdict(lambda: {"calls": 0, "first_us": 2**62, **dict.fromkeys((*COLUMNS, *NAMES), (0, 0))})
    with store.observe.connect() as connection:
        calls = [row for row in connection.execute(select(prompt_calls)) if row.experiment_id == "e" and row.unit]
        judged = [row for row in connection.execute(select(scores)) if row.value is not None]
    for call in (row for row in calls if row.project_id == "default"):
        one = told[call.arm, call.unit]
        one["calls"] += 1
        one["first_us"] = min(one["first_us"], call.at_us)
        given = [(name, getattr(call, name)) for name in COLUMNS]
        given += [
            (row.name, row.value) for row in judged
            if row.trace_id == call.trace_id and row.span_id in (None, call.span_id) and row.name in NAMES
        ]  # fmt: skip
        for name, value in given:
            if value is not None:
                one[name] = (one[name][0] + 1, one[name][1] + value)
    return dict(told)


def test_sums_are_those_of_every_call_and_score_whatever_happened_to_them(write: Write, store: Store) -> None:
    chance, number = random.Random(7), iter(range(10**6))

    def call(unit: int) -> Any:
        about = {
            "prompt_reference": "rag", "experiment": chance.choice("eeef"), "arm": chance.choice("ab"),
            "experiment_unit": chance.choice(["user", "user", "key"]),
        }  # fmt: skip
        at = next(number)
        return full_span(
            id=f"{at:016}", trace_id=f"t{at // 2}", user_id=f"u{unit}", attributes=about,
            start_us=AT + chance.randrange(99), cost_nano=chance.choice([None, 1, 2**40]),
            status=chance.choice(["ok", "error"]), project_id=chance.choice(["default"] * 9 + ["other"]),
        )  # fmt: skip

    def judge() -> Score:
        trace, value = chance.randrange(60), chance.choice([None, 0.0, 0.25, 1.0])
        span = chance.choice([None, f"{2 * trace:016}"])
        name = chance.choice([*NAMES, "other"])
        kind = {"kind": "categorical", "label": "x"} if value is None else {}
        return Score(id=f"{chance.randrange(40)}", trace_id=f"t{trace}", span_id=span, name=name, value=value, **kind)

    erasing, spans = Erasing(store), []
    for _ in range(6):
        spans += [call(chance.randrange(8)) for _ in range(20)]
        write(spans[-25:])  # some of them once more
        Scores(store).put("default", [judge() for _ in range(15)])  # late ones, and others of the same id
        erasing.trace("default", f"t{chance.randrange(60)}")
        assert summed(store) == read(store)
    assert {arm for arm, _ in read(store)} == {"a", "b"}
    erasing.user("default", "u3")
    left = summed(store)
    assert left == read(store)
    assert left
    assert not [unit for _, unit in left if unit == "u3"]
    assert len(unit_calls(store, "default", "none", COLUMNS, NAMES).scores["good"].mean) == 0
    assert np.isnan(unit_calls(store, "default", "e", [], ["never"]).scores["never"].mean).all()
