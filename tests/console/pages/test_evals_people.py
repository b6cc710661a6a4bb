"""A run held against people, in the console."""

from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.evaluating.judge_cards import JudgeCards
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from ...evals.cards.kept import begin, outcome, vote
from ..site import Gateway


def judged(site: Gateway, labelled: int = 30) -> Run:
    room, reviews = JudgeRoom(site.platform.store), Reviews(site.platform.store)
    run = begin(room.runs)
    room.runs.put("default", run.id, [outcome(i, 1 + i * 3 % 5) for i in range(60)])
    settings = QueueSettings(criteria=(Criterion("clarity"),), rules=({"why": "failed", "of": "runs"},))
    queue = reviews.queues.create("default", "look", "likert", settings)
    reviews.items.add("default", queue, [
        NewReviewItem(source=Source(run_id=run.id, case_id=f"c{i:03}", trial=0), input="q", outputs=("o",))
        for i in range(labelled)
    ])  # fmt: skip
    vote(reviews, queue, "ann", 4)
    return run


def test_what_people_would_say_is_told_beside_labels_and_verdicts(site: Gateway) -> None:
    run = judged(site)
    where = f"/evals/runs/{run.id}/people"
    assert f'href="/console{where}"' in site.page(f"/evals/runs/{run.id}")
    page = site.page(f"{where}?metric=quality&criterion=clarity&queue=look")
    for part in ("By people, estimated from both", "4.000", "30 labelled and 30 other cases", "filled by failed"):
        assert part in page, part
    assert "says nothing on" in site.page(f"{where}?metric=quality&criterion=tone&queue=look")
    assert "no review queue" in site.page(f"{where}?metric=quality&queue=none")


def test_an_editor_makes_cards_and_forgets_them(site: Gateway) -> None:
    run = judged(site)
    where = f"/evals/runs/{run.id}/people"
    answer = site.send(f"{where}/cards", where, metric="quality", queue="look")
    assert answer.headers["location"] == "/console/evals/judges?done=created"
    cards = JudgeCards(site.platform.store)
    card = next(one for one in cards.list("default").cards if one.criterion == "clarity")
    assert card.labelled == 30
    assert "Created." in site.page("/evals/judges?done=created")
    assert site.send(f"{where}/cards", where, metric="", queue="look").status_code == 400
    assert site.send(f"{where}/cards", where, metric="tone", queue="look").status_code == 400
    site.send(f"/evals/judges/{card.id}/delete", f"/evals/judges/{card.id}")
    assert [one.criterion for one in cards.list("default").cards] == [""]
    site.act_as("viewer")
    assert "Make its cards" not in site.page(where)
    assert "Delete the card" not in site.page(f"/evals/judges/{cards.list('default').cards[0].id}")


def test_without_a_queue_the_page_says_what_to_do(site: Gateway) -> None:
    run = begin(JudgeRoom(site.platform.store).runs)
    page = site.page(f"/evals/runs/{run.id}/people")
    assert "No queue of review yet" in page
    assert f"pilothouse evals cards estimate {run.id}" in page
