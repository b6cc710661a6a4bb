"""Review queues in the console: made, filled, set, read; and what annotators may see of it."""

import json
import re

import pytest

from pilothouse.call import Span
from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.ids import now_us
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.storage.evaluating.review_items import NewReviewItem
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.review_seats import Mark
from pilothouse.storage.evaluating.reviews import Reviews

from ..site import HOSTILE, Gateway

MADE = {
    "name": "support", "kind": "likert", "criteria": "faithful: As the context says.\nclear", "annotators": "2",
    "spread": "1", "lease_s": "900", "every_s": "3600", "rules": 'random share=0.5\n{"why": "thumbs_down"}',
}  # fmt: skip


def queue_of(site: Gateway, items: int = 2, **settings: object) -> tuple[Reviews, Queue]:
    reviews = Reviews(site.platform.store)
    stated = QueueSettings(criteria=(Criterion("clear", HOSTILE.replace("\0", "")),), **settings)  # type: ignore[arg-type]
    queue = reviews.queues.create("default", "support", "likert", stated)
    reviews.items.add(
        "default", queue, [NewReviewItem(input=f"question {i}", outputs=(HOSTILE,)) for i in range(items)]
    )
    return reviews, queue


def test_a_queue_is_made_filled_and_changed(site: Gateway) -> None:
    assert "No review queues yet" in site.page("/reviews")
    refused = site.send("/reviews", **{**MADE, "rules": "random"})
    assert refused.status_code == 400
    assert "Rule 1 (random): `share` must lie" in refused.text
    assert "faithful: As the context says." in refused.text, "what was written is still there"
    assert site.send("/reviews", **MADE).headers["location"] == "/console/reviews/support?done=created"
    page = site.page("/reviews/support")
    assert "random share=0.5\nthumbs_down" in page
    now = now_us()
    body = {"input": {"messages": [{"role": "user", "content": "How high?"}]}, "output": {"text": "97 m."}}
    span = Span(id="s", trace_id="t1", project_id="default", name="chat", kind="llm", start_us=now, end_us=now, **body)  # type: ignore[arg-type]
    site.platform.recorder.record(span)
    site.platform.drainer.flush()
    assert 'href="/console/reviews?trace=t1"' in site.page("/traces/t1")
    assert "<code>t1</code> goes into the queue" in site.page("/reviews?trace=t1")
    queue = Reviews(site.platform.store).queues.get("default", "support")
    answer = site.send("/reviews/add", "/reviews?trace=t1", queue=queue.id, trace="t1")
    assert "1 added; 1 found." in site.page(answer.headers["location"].removeprefix("/console"))
    assert site.send("/reviews/support/fill", "/reviews/support").headers["location"].endswith("told=0-0-0")
    assert site.send("/reviews/support/fill", "/reviews/support", trace="none").status_code == 404
    assert site.send("/reviews/support/fill", "/reviews/support", run="none").status_code == 404
    page = site.page("/reviews/support?status=open")
    assert "How high?" in page
    assert 'href="/console/traces/t1"' in page
    change = {**MADE, "annotators": "3", "rules": "guard", "dataset": "golden", "instructions": "Read."}
    assert site.send("/reviews/support/settings", "/reviews/support", **change).status_code == 303
    queue = Reviews(site.platform.store).queues.get("default", "support")
    assert (queue.settings.annotators, queue.settings.rules, queue.settings.dataset) == (
        3,
        ({"why": "guard"},),
        "golden",
    )
    for wrong in ({"annotators": "x"}, {"rules": "guard most"}, {"rules": "{"}, {"annotators": "0"}):
        assert site.send("/reviews/support/settings", "/reviews/support", **{**change, **wrong}).status_code == 400
    site.send("/reviews/support/archive", "/reviews/support", archived="yes")
    assert "archived" in site.page("/reviews/support")
    assert "No review queues yet" in site.page("/reviews")


def test_a_run_and_two_runs_go_into_queues_from_their_pages(site: Gateway) -> None:
    runs = EvalRuns(site.platform.store)
    made = [
        runs.create("default", name=name, suite="s", subject={}, plan={}, plan_hash="h").id for name in ("old", "new")
    ]
    for run, passed in zip(made, (False, True), strict=True):
        verdicts = (Verdict.ok("exact", passed=passed),)
        outcomes = [Outcome(case=Case(id=c, input=c, output=f"{c} of {run}"), verdicts=verdicts) for c in ("c1", "c2")]
        runs.put("default", run, outcomes)
    site.send("/reviews", **MADE)
    site.send("/reviews", **{**MADE, "name": "pairs", "kind": "pairwise", "rules": ""})
    assert f'href="/console/reviews?run={made[0]}"' in site.page(f"/evals/runs/{made[0]}")
    assert f"/console/reviews?run={made[0]}&amp;against={made[1]}" in site.page(
        f"/evals/compare?run={made[0]}&run={made[1]}"
    )
    for at, queue, given, told in (
        (f"/reviews?run={made[0]}", "support", {"run": made[0], "failing": "yes", "most": "1"}, "1-1-0"),
        (f"/reviews?run={made[0]}&against={made[1]}", "pairs", {"run": made[0], "against": made[1]}, "2-2-0"),
    ):
        assert re.findall("<option[^>]*>(\\w+)</option>", site.page(at).split("</form>")[1]) == [queue]
        assert site.send("/reviews/add", at, queue=queue, **given).headers["location"].endswith(f"told={told}")
    assert f'href="/console/evals/runs/{made[0]}"' in site.page("/reviews/support")
    assert made[0] not in site.page("/reviews/pairs"), "which run is which is not told"
    assert site.send("/reviews/pairs/fill", "/reviews/pairs", run=made[0]).status_code == 400
    assert site.send("/reviews/support/fill", "/reviews/support", run=made[0], most="x").status_code == 400


def test_progress_agreement_items_and_exports(site: Gateway) -> None:
    reviews, queue = queue_of(site, annotators=2)
    ids = [item.id for item in reviews.items.each("default", queue)]
    for name, points in (("bob", 2), ("cyd", 5)):
        for item in ids:
            reviews.seats.vote("default", queue, item, name, {"clear": Mark(points if item == ids[0] else 4, HOSTILE)})
    page = site.page("/reviews/support")
    assert "Decide 1 in dispute" in page
    assert "4 of 4, 2 an item" in page
    agreement = page.split("Agreement</h2>")[1].split("</table>")[0]
    assert re.search(r"50 % <span[^>]*>9\.5 % to 91 %", agreement), agreement
    assert "question 0" in page
    listed = site.page("/reviews/support?status=disputed")
    assert "question 0" in listed
    assert "question 1" not in listed
    assert "bob" not in site.page(f"/reviews/support/items/{ids[0]}"), "votes are shown once it is done"
    done = site.page(f"/reviews/support/items/{ids[1]}")
    assert "bob" in done
    for text in (page, done):
        assert "<script>document" not in text
        assert "onerror=alert(1)>" not in text.replace("&gt;", "")
    answer = site.client.get("/console/reviews/support/export?what=labels")
    assert [json.loads(line)["label"] for line in answer.text.splitlines()] == [4]
    assert site.client.get("/console/reviews/support/export?what=votes&format=csv").text.count("clear") == 4
    site.page("/reviews/support/export?what=odd", 400)
    site.page("/reviews/none", 404)
    site.page("/reviews/support/items/none", 404)
    assert "99999999999999999999" not in site.page("/reviews/support?after=99999999999999999999")


@pytest.mark.parametrize(("role", "reads", "votes"), [("viewer", True, False), ("annotator", False, True)])
def test_what_roles_see(site: Gateway, role: str, reads: bool, votes: bool) -> None:
    reviews, queue = queue_of(site, rules=({"why": "guard"},))
    item = next(iter(reviews.items.each("default", queue)))
    reviews.seats.vote("default", queue, item.id, "bob", {"clear": Mark(2)})
    site.act_as(role)  # type: ignore[arg-type]
    page = site.page("/reviews/support")
    assert ("Agreement</h2>" in page, "bob" in page, "question 0" in page) == (reads, reads, reads)
    assert ('href="/console/reviews/support/review"' in page) == votes
    assert "Settings" not in page
    site.page("/reviews/support/review", 200 if votes else 403)
    for path in ("/reviews/support/export", f"/reviews/support/items/{item.id}"):
        site.page(path, 200 if reads else 403)
    token = {"token": "x"}
    for path in ("/reviews", "/reviews/add", "/reviews/support/settings", "/reviews/support/fill"):
        assert site.client.post(f"/console{path}", data=token).status_code == 403
    nav = page.split("<nav")[1].split("</nav>")[0]
    assert nav.count("<a ") == (1 if role == "annotator" else nav.count("<a "))
    for path in ("/traces", "/config", "/", "/keys", "/dashboards"):
        answer = site.client.get(f"/console{path}")
        if role == "annotator":
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/reviews")
    if role == "annotator":
        assert site.client.post("/console/alerts/silences", data=token).headers["location"] == "/console/reviews"
