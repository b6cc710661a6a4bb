import math
from typing import Any

import numpy as np
import pytest

from pilothouse.lifecycle.sentinel.answers import Answer, Run, packed_vector
from pilothouse.lifecycle.sentinel.measuring import Reference, new_models, shown_figures, strangeness


def run(*texts: str, **more: Any) -> Run:
    fields: dict[str, Any] = {"seconds": 1.0, "fingerprint": "fp1", "model": "m-1"} | more
    return Run(at_us=0, answers={f"p{i}": Answer(text=text, **fields) for i, text in enumerate(texts)})


REFERENCE = Reference([run("It is 97 m.", "Ada."), run("it is 97 m", "Ada."), run("97 metres.", "Ada.")])


def test_the_same_is_not_strange() -> None:
    figures = strangeness(run("It is 97 m", "Ada."), REFERENCE)
    assert figures["agreement"] == pytest.approx(1 / 6), "as far as the reference disagrees with itself"
    assert {name for name, value in figures.items() if value} == {"agreement"}
    assert "meaning" not in figures


def test_what_is_said_otherwise_counts_but_for_case_and_punctuation() -> None:
    assert strangeness(run("IT IS 97 M", "Eve."), REFERENCE)["agreement"] == pytest.approx((1 / 3 + 1) / 2)


@pytest.mark.parametrize("text", ["Ada. " * 10, ""])
def test_length_counts_either_way(text: str) -> None:
    figures = strangeness(run("It is 97 m", text), REFERENCE)
    assert figures["length"] == pytest.approx(abs(math.log((len(text) + 1) / 5)) / 2)


def test_refusals_fingerprints_and_times() -> None:
    other = run("It is 97 m.", "I'm sorry, but I cannot help with that.", fingerprint="fp2", seconds=3.0)
    figures = strangeness(other, REFERENCE)
    assert (figures["refusals"], figures["fingerprint"]) == (0.5, 1.0)
    assert figures["latency"] == pytest.approx(math.log(3), abs=0.01)


def test_meaning_is_the_distance_of_vectors() -> None:
    one, other = (packed_vector(np.eye(4, dtype=np.float32)[i]) for i in (0, 1))
    there = Reference([run("a", vector=one), run("b", vector=one)])
    assert strangeness(run("a", vector=one), there)["meaning"] == 0.0
    assert strangeness(run("c", vector=other), there)["meaning"] == pytest.approx(1.0)


def test_each_evaluator_is_a_figure_of_its_own() -> None:
    there = Reference([run("a", scores={"good": 0.9, "short": 1.0})])
    figures = strangeness(run("a", scores={"good": 0.4, "new": 1.0}), there)
    assert {name: round(figures[name], 6) for name in figures if name.startswith("evaluator")} == {
        "evaluator good": 0.5
    }


def test_prompts_and_answers_that_are_missing_are_left_out() -> None:
    assert strangeness(Run(at_us=0, answers={"p9": Answer(text="?")}), REFERENCE) == {}
    half = Run(at_us=0, answers={"p0": Answer(error="away"), "p1": Answer(text="Ada.", fingerprint="fp1")})
    assert strangeness(half, REFERENCE)["agreement"] == 0.0


def test_names_of_models() -> None:
    assert new_models(run("a", model="m-2"), ["m-1"]) == {"m-2"}
    for same in (run("a", model="m-1"), run("a", model=None), Run(at_us=0, answers={})):
        assert new_models(same, ["m-1"]) == set()
    assert new_models(run("a", model="m-2"), []) == set()


def test_what_people_see_of_a_run() -> None:
    told = shown_figures(run("abcd", "ab", scores={"good": 1.0}))
    assert told == {"characters": 3, "refusals": 0.0, "seconds": 1.0, "evaluator good": 1.0}
    assert shown_figures(Run(at_us=0, answers={})) == {}
