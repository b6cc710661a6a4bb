"""The screen of review, as plain forms: voting, skipping, undoing, correcting, deciding; and pairs that stay blind."""

import re

from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Reviews

from ..site import HOSTILE, Gateway

P, SCREEN = "default", "/reviews/q/review"


def likert(site: Gateway, items: int = 2, annotators: int = 1) -> tuple[Reviews, Queue]:
    reviews = Reviews(site.platform.store)
    criteria = (Criterion("faithful", "As the context says."), Criterion("clear"))
    queue = reviews.queues.create(P, "q", "likert", QueueSettings(criteria=criteria, annotators=annotators))
    made = [NewReviewItem(input=f"question {i}", outputs=(HOSTILE,), context=("passage",)) for i in range(items)]
    reviews.items.add(P, queue, made)
    return reviews, queue


def item_on(page: str) -> str:
    found = re.search(r'name="item" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_a_pass_through_a_queue(site: Gateway) -> None:
    reviews, queue = likert(site)
    site.act_as("annotator")
    first = site.page(SCREEN)
    assert "question 0" in first
    assert "<script>document" not in first
    assert 'style="' not in first
    vote = {"item": item_on(first), "vote_faithful": "4", "comment_faithful": "well"}
    refused = site.send("/reviews/q/vote", SCREEN, **vote)
    assert refused.status_code == 400
    assert "A vote is missing on: clear." in refused.text
    assert 'value="4" required checked' in refused.text
    assert 'value="well"' in refused.text
    assert site.send("/reviews/q/vote", SCREEN, **vote, vote_clear="5").headers["location"] == f"/console{SCREEN}"
    second = site.page(SCREEN)
    assert "question 1" in second
    assert "1 by you" in second
    site.send("/reviews/q/skip", SCREEN, item=item_on(second))
    assert "Nothing for you here now" in site.page(SCREEN)
    site.send("/reviews/q/undo", SCREEN)
    assert item_on(site.page(SCREEN)) == item_on(second)
    site.send("/reviews/q/undo", SCREEN)
    again = site.page(SCREEN)
    assert item_on(again) == item_on(first)
    assert 'value="4" required checked' in again, "what was said before the undo"
    assert site.send("/reviews/q/undo", SCREEN).status_code == 404
    (vote_kept, *_) = reviews.votes(P, queue, history=True)
    assert (vote_kept.annotator, vote_kept.value) == ("ada", 5)


def test_an_empty_queue_says_so(site: Gateway) -> None:
    likert(site, 0)
    assert "There are no items in this queue yet." in site.page(SCREEN)


def test_a_correction_becomes_an_item_and_the_vote_is_not_lost(site: Gateway) -> None:
    likert(site)
    site.act_as("annotator")
    given = {"item": item_on(site.page(SCREEN)), "vote_faithful": "2"}
    assert site.send("/reviews/q/correct", SCREEN, **given, correction=" ").status_code == 400
    page = site.send("/reviews/q/correct", SCREEN, **given, correction="It is 97 m.").text
    assert "Your correction is kept" in page
    assert 'value="2" required checked' in page
    datasets = Datasets(site.platform.store)
    dataset = datasets.get(P, "q-corrections")
    assert [item.expected for item in datasets.items.each(P, dataset.id, dataset.version)] == ["It is 97 m."]


def test_what_others_took_meanwhile_is_told(site: Gateway) -> None:
    reviews, queue = likert(site)
    site.act_as("annotator")
    item = item_on(site.page(SCREEN))
    late = Reviews(site.platform.store, lambda: reviews.clock() + 1000_000_000)
    late.seats.vote(P, queue, item, "bob", {"faithful": Mark(1), "clear": Mark(1)})
    answer = site.send("/reviews/q/vote", SCREEN, item=item, vote_faithful="1", vote_clear="1")
    assert answer.status_code == 409
    assert "Others have this item" in answer.text
    assert "question 1" in answer.text, "the next one"
    assert site.client.post("/console/reviews/q/vote", data={"item": item}).status_code == 403, "without the token"


def test_deciding(site: Gateway) -> None:
    reviews, queue = likert(site, 1, annotators=2)
    item = next(iter(reviews.items.each(P, queue)))
    for name, points in (("bob", 1), ("cyd", 5)):
        reviews.seats.vote(P, queue, item.id, name, {"faithful": Mark(points, f"said {points}"), "clear": Mark(3)})
    site.act_as("annotator")
    assert "Decide 1 in dispute" in site.page(SCREEN)
    page = site.page(f"{SCREEN}?role=decide")
    assert "said 1" in page
    assert "bob" not in page
    assert 'name="vote_clear"' not in page
    site.send("/reviews/q/vote", f"{SCREEN}?role=decide", item=item.id, role="decide", vote_faithful="2")
    assert "No item waits for a decision" in site.page(f"{SCREEN}?role=decide")
    assert [label.label for label in reviews.labels(P, queue, "faithful")] == [2]


def test_a_pair_names_nobody_until_it_is_done(site: Gateway) -> None:
    reviews = Reviews(site.platform.store)
    settings = QueueSettings(criteria=(Criterion("better"),), annotators=2)
    queue = reviews.queues.create(P, "q", "pairwise", settings)
    source = Source(run_id="secret-r1", other_run_id="secret-r2", case_id="c1", trial=0)
    about = {"systems": ("secret-old", "secret-new"), "metadata": {"model": "secret"}, "reason": "side by side"}
    pair = NewReviewItem(source=source, input="Why?", outputs=("the first", "the second"), **about)  # type: ignore[arg-type]
    reviews.items.add(P, queue, [pair])
    screen = site.page(SCREEN)
    item = item_on(screen)
    for path in (SCREEN, "/reviews/q", "/reviews", f"/reviews/q/items/{item}"):
        assert "secret" not in site.page(path), path
    sides = re.findall("the (first|second)", screen)
    chosen = site.send("/reviews/q/vote", SCREEN, item=item, vote_better="a")
    assert chosen.status_code == 303
    assert "secret" not in site.page(f"/reviews/q/items/{item}")
    reviews.seats.vote(P, queue, item, "bob", {"better": Mark("tie")})
    (label,) = reviews.labels(P, queue, "better")
    assert label.votes["embedded"] == ("a" if sides[0] == "first" else "b")
    reviews.seats.vote(P, queue, item, "eve", {"better": Mark("tie")}, role="decide")
    assert "secret-old" in site.page(f"/reviews/q/items/{item}")
