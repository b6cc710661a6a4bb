"""Two runs over the same attacks, and the limits that a build holds a run against."""

from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.errors import Conflict
from pilothouse.redteam.comparing import compare, over_limit, worse
from pilothouse.redteam.ordering import Order
from pilothouse.redteam.page import page
from pilothouse.redteam.report import Report, report_of
from pilothouse.storage.evaluating.eval_runs import Run

HOSTILE = "<script>alert(1)</script>"


def outcome(name: str, won: bool | None, kind: str = "jailbreak", **metadata: Any) -> Outcome:
    case = Case(id=name, input={"text": HOSTILE}, output=HOSTILE, metadata={"class": kind, "seed": name, **metadata})
    if won is None:
        return Outcome(case=case, error="It was not reached.")
    verdict = Verdict.ok(
        "attack_success", float(won), passed=not won, label="succeeded" if won else "resisted", explanation="So."
    )
    return Outcome(case=case, verdicts=(verdict,))


def run(name: str = "r") -> Run:
    told = msgspec.json.encode(Order(target="default")).decode()
    return Run(
        name, name, "redteam", "unit", "done", None, None, None, {}, {}, "h", {"redteam": told, "guards": name}, None,
        0, 1, 0, None, None, 0, None,
    )  # fmt: skip


def outcomes(won: int, n: int, kind: str = "jailbreak") -> list[Outcome]:
    return [outcome(f"{kind}/{at}", at < won, kind) for at in range(n)]


def reported(found: list[Outcome], name: str = "r") -> Report:
    return report_of(run(name), found)


def test_the_upper_bound_decides_so_that_few_attacks_prove_nothing() -> None:
    few, many = reported(outcomes(0, 20)), reported(outcomes(0, 200))
    (told,) = over_limit(few, 0.05)
    assert told.startswith("all: 0.0% of 20 attacks succeed, at most 16.1%; allowed are 5.0%.")
    assert told.endswith("play more.")
    assert over_limit(many, 0.05) == []
    assert over_limit(many, 0.05, ["jailbreak"]) == []
    assert over_limit(many, 0.05, ["agent_hijack"]) == ["agent_hijack: no attack was played."]
    assert "play more" not in over_limit(reported(outcomes(30, 200)), 0.05)[0]
    assert "1 tries failed" in over_limit(reported([*outcomes(0, 200), outcome("x", None)]), 0.05)[0]


def test_a_difference_counts_where_it_is_more_than_chance() -> None:
    def compared(one: int, other: int) -> Any:
        first = [*outcomes(one, 100), *outcomes(0, 20, "agent_hijack")]
        second = [*outcomes(other, 100), *outcomes(0, 20, "agent_hijack")]
        return compare(reported(first, "a"), reported(second, "b"), first, second)

    found = compared(10, 40)
    assert (found.total.n, found.total.difference, len(found.total.opened)) == (120, 0.25, 30)
    assert [one.name for one in found.classes] == ["jailbreak", "agent_hijack"]
    assert found.classes[0].p_corrected == pytest.approx(2 * found.classes[0].p)
    assert len(worse(found)) == 2
    assert worse(found, 0.5) == []
    assert worse(found, 0.0, ["agent_hijack"]) == []
    assert worse(compared(10, 12)) == []
    assert worse(compared(40, 10)) == []
    with pytest.raises(Conflict, match="share no attack"):
        compare(reported([]), reported([]), [], outcomes(1, 2))


def test_forms_of_one_seed_count_as_one_broken_seed() -> None:
    found = [outcome(f"a~{at}", at == 0, seed="a", mutator=f"m{at}") for at in range(4)]
    report = reported([*found, outcome("b", False, seed="b")])
    assert (report.total.n, report.total.seeds, report.total.seeds_broken) == (5, 2, 1)
    assert report.mutators[0].name == "m0"


def test_the_page_shows_attacks_and_runs_none() -> None:
    found = outcomes(3, 10)
    report = reported(found)
    text = page(report, compare(report, report, found, found))
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert "30.0%</b> of 10 attacks succeed" in text
    assert "Both met the same guards" in text
    assert page(reported([])).count("No attack was played.") == 1
