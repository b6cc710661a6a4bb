"""The pages of the red team: the list, a run, and what changed since another."""

import msgspec

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.redteam.ordering import Order
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

from ..site import HOSTILE, Gateway


def kept(site: Gateway, name: str, won: int) -> Run:
    runs = EvalRuns(site.platform.store)
    order = msgspec.json.encode(Order(target="default")).decode()
    run = runs.create(
        "default", name=name, suite="redteam", subject={"python": "a:b"}, plan={"suite": {}}, plan_hash="h", cases=4,
        metadata={"redteam": order, "guards": name}, status="running",
    )  # fmt: skip
    guard = {"guard": "words", "status": "triggered", "stage": "input", "action": "block", "policy": "strict"}
    outcomes = [
        Outcome(
            case=Case(
                id=f"jailbreak/{at}", input={"text": HOSTILE}, output=HOSTILE,
                metadata={"class": "jailbreak", "mutator": "none", "family": "f", "seed": str(at), "guards": [guard]},
            ),
            verdicts=(Verdict.ok("attack_success", float(at < won), passed=at >= won,
                                 label="succeeded" if at < won else "stopped", explanation="So."),),
        ) for at in range(4)
    ]  # fmt: skip
    runs.put("default", run.id, outcomes)
    return runs.update("default", run.id, status="done")


def test_runs_are_listed_and_one_is_told_beside_another(site: Gateway) -> None:
    assert "No attacks yet" in site.page("/evals/redteam")
    before, after = kept(site, f"before {HOSTILE[:20]}", 3), kept(site, "after", 1)
    listed = site.page("/evals/redteam")
    assert 'href="/console/evals/redteam" aria-current="page"' in listed
    assert f"/console/evals/redteam/runs/{after.id}" in listed
    page = site.page(f"/evals/redteam/runs/{after.id}?before={before.id}")
    for words in (
        "of 4 attacks succeed", "25.0 %", "Since then", "-50.0", "jailbreak", "words", "strict", "jailbreak/0",
        "1 of 4",
    ):  # fmt: skip
        assert words in page, words
    assert "<script>document" not in page
    assert "both met the same guards" not in page
