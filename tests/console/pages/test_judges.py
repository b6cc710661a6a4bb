"""Judges and the leaderboard in the console."""

from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.storage.evaluating.judge_cards import JudgeCards, NewCard

from ...evals.cards.kept import begin, labels, outcome
from ..site import HOSTILE, Gateway

LEVELS = [1 + i * 3 % 5 for i in range(60)]


def judged(site: Gateway) -> None:
    room = JudgeRoom(site.platform.store)
    run = begin(room.runs, "new")
    room.runs.put(
        "default", run.id, [outcome(i, level, ("win", "loss", "tie")[i % 3]) for i, level in enumerate(LEVELS)]
    )
    room.make("default", [run], "quality", {run.id: labels(dict(enumerate(LEVELS[:40])))})
    room.make("default", [run], "pairwise", {run.id: [HumanLabel(case=f"c{i:03}", label="win") for i in range(30)]})


def test_without_cards_the_page_says_how_to_make_one(site: Gateway) -> None:
    assert "pilothouse evals cards make RUN EVALUATOR" in site.page("/evals/judges")
    assert "no judge card" in site.page("/evals/judges/none", 404)


def test_cards_are_listed_and_shown(site: Gateway) -> None:
    judged(site)
    page = site.page("/evals/judges")
    assert page.count('<td class="name">') == 3
    row = next(row for row in page.split("<tr>") if "clarity" in row)
    for part in ("gpt-4o", "called <bdi>quality", ">40<", "1.000", 'class="ci"', ">yes</span>", "$0.000002"):
        assert part in row, part
    cards = {(one.kind, one.criterion): one for one in JudgeCards(site.platform.store).list("default").cards}
    pairs = site.page(f"/evals/judges/{cards['pairwise', ''].id}")
    for part in (
        "may not gate", "agrees too little", "Same place wins in both orders", "The longer answer wins", "0.333",
        "Label by label", ">differs<", "A judge that always takes the longer answer", "its own kind win",
    ):  # fmt: skip
        assert part in pairs, part
    assert "weighted by distance" in site.page(f"/evals/judges/{cards['llm_judge', 'clarity'].id}")
    unlabelled = site.page(f"/evals/judges/{cards['llm_judge', ''].id}")
    assert "nothing is known of its agreement" in unlabelled


def test_a_hostile_judge_stays_text(site: Gateway) -> None:
    judged(site)
    cards = JudgeCards(site.platform.store)
    body = dict(cards.list("default").cards[0].body)
    name = HOSTILE.replace("\0", "").replace("\u202e", "")
    body |= {"judge": {"model": name, "kind": name, "options": "x", "name": name}, "criterion": name,
             "notes": [HOSTILE], "sources": [HOSTILE], "confusion": [[HOSTILE, HOSTILE, 1]]}  # fmt: skip
    (kept,) = cards.put("default", [
        NewCard(model=name, kind=name, options="x", criterion=name, labelled=1, kappa=None, low=None, body=body)
    ])  # fmt: skip
    for page in (site.page("/evals/judges"), site.page(f"/evals/judges/{kept.id}")):
        assert "&lt;script&gt;document" in page
        assert "<script>document" not in page


def test_the_leaderboard(site: Gateway) -> None:
    assert "Nothing was compared</h1>" in site.page("/evals/leaderboard")
    assert "Nothing was compared so" in site.page("/evals/leaderboard?by=people")
    judged(site)
    page = site.page("/evals/leaderboard")
    for part in ("<b>60</b> comparisons", "baseline (support)", '>1 <span class="soft">to 2</span>', "20"):
        assert part in page, part
    assert "gpt-4.1" in site.page("/evals/leaderboard?rank=model&suite=support")
