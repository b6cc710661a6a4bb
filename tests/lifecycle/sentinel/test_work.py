"""From golden calls to an alert, over a real gateway and vendors that change in silence."""

from typing import Any

import pytest

from pilothouse.errors import Conflict, NotFound
from pilothouse.lifecycle.scoring.sampling import EVALUATION

from .conftest import BASELINE, GOLDEN_NANO, Post, answer


async def test_every_deployment_is_asked_by_itself_and_directly(post: Post) -> None:
    ran = await post.runs()
    assert [(one.deployment, one.status, one.runs, one.error) for one in ran] == [
        ("one/small", "learning", 1, None), ("spare", "learning", 1, None),
    ]  # fmt: skip
    for server, model in ((post.one, "small"), (post.other, "s")):
        assert len(server.requests) == 2
        body = server.last.body
        assert (body["model"], body["temperature"], body["max_tokens"]) == (model, 0, 50)
    await post.runs()
    assert len(post.one.requests) == 4, "no cache answers golden calls"
    assert post.platform.scoring.payers.spent(["sentinel"]) == [8 * GOLDEN_NANO]
    (row, *_) = post.platform.traces.list().rows
    (span,) = post.platform.traces.get(row.trace_id).spans
    assert span.attributes[EVALUATION] == "sentinel"


async def test_the_schedule_is_kept_and_survives_a_restart(post: Post) -> None:
    await post.runs()
    assert await post.work.tick() == [], "asked within this hour"
    assert post.state()["next_us"] > post.now
    assert len(await post.work.tick(now=True)) == 2
    assert [ran.deployment for ran in await post.work.tick(now=True, only="spare")] == ["spare"]
    with pytest.raises(NotFound, match="There are: one/small, spare"):
        await post.work.tick(now=True, only="nobody")


async def test_a_silent_change_is_an_alert_that_names_it(post: Post) -> None:
    await post.runs(BASELINE + 2)
    assert post.state()["status"] == "watching"
    assert post.alerts() == []
    changed_at = post.now
    post.one.default = answer("I do not know how high it may be, sorry.")
    await post.runs(8)
    (alert,) = post.alerts()
    assert (alert.rule, alert.subject, alert.status, alert.link) == (
        "sentinel", "one/small", "open", "/console/evals/sentinel",
    )  # fmt: skip
    assert alert.text.startswith("one/small answers otherwise since ")
    assert "answers that say something else 100% (before 0%)" in alert.text
    assert "'tower': before \N{LEFT DOUBLE QUOTATION MARK}It is 97 metres high." in alert.text
    assert "now \N{LEFT DOUBLE QUOTATION MARK}I do not know how high" in alert.text
    state = post.state()
    assert state["status"] == "changed"
    assert changed_at < state["change"]["since_us"] <= changed_at + 3_600_000_000
    assert post.state("spare")["status"] == "watching"
    await post.runs(2)
    assert len(post.alerts()) == 1, "told once"


async def test_another_model_behind_the_name_is_told_at_once(alone: Post) -> None:
    await alone.runs(BASELINE)
    alone.one.default = answer(model="small-2026-11-01")
    await alone.runs()
    (alert,) = alone.alerts()
    assert "the model that answers is small-2026-11-01, not small" in alert.text
    assert alert.subject == "one/small"
    await alone.runs(4)
    assert alone.alerts()[0].status == "open", "the answers are as before, the name is not"
    alone.one.default = answer()
    await alone.runs()
    assert alone.alerts()[0].status == "cleared"


async def test_a_change_that_is_taken_back_ends_its_alert(alone: Post) -> None:
    await alone.runs(BASELINE + 1)
    alone.one.default = answer("No.")
    await alone.runs(8)
    alone.one.default = answer()
    await alone.runs(4)
    assert [alert.status for alert in alone.alerts()] == ["cleared"]
    assert alone.state()["status"] == "watching"
    alone.one.default = answer("Never.")
    await alone.runs(15)
    assert [alert.status for alert in alone.alerts()] == ["open", "cleared"], "the next one is noticed, too"


async def test_what_is_changed_on_purpose_begins_anew(post: Post) -> None:
    await post.runs(BASELINE + 1)
    post.one.default = answer("No.")
    await post.runs(8)
    assert post.alerts()[0].status == "open"
    post.asks(params={"max_tokens": 20})
    await post.runs()
    assert (post.state()["status"], post.state()["runs"]) == ("learning", 1)
    assert post.alerts()[0].status == "cleared"
    assert len(post.platform.sentinel.standing.kept.readings("default", "one/small")) == 1, (
        "answers of before are deleted"
    )
    post.asks(models=["one/small"], params={"max_tokens": 20})
    await post.runs()
    assert post.platform.sentinel.standing.kept.state("default", "spare") is None, "asked no more"
    assert post.state()["runs"] == 2, "the same deployment by its direct name"


async def test_without_the_sentinel_nothing_stays_open(alone: Post) -> None:
    await alone.runs(BASELINE)
    alone.one.default = answer(model="other")
    await alone.runs()
    del alone.document["evals"]
    alone.reload()
    assert alone.alerts()[0].status == "open"
    await alone.work.look()
    assert alone.alerts()[0].status == "cleared"
    assert alone.platform.sentinel.standing.kept.states(None) == []


async def test_a_vendor_that_is_away_is_no_change(post: Post) -> None:
    await post.runs(BASELINE)
    post.one.default = answer(fault="server_error")
    (failed, well) = await post.runs()
    assert "2 of 2 calls failed" in (failed.error or "")
    assert well.error is None
    assert (post.state()["runs"], post.state()["error"]) == (BASELINE, failed.error)
    post.one.default = answer()
    await post.runs()
    assert (post.state()["error"], post.state()["status"]) == (None, "watching")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"usd_per_day": "0.0001"}, "has no room"),
        ({"models": ["one/unpriced"]}, "No price is known"),
        ({"models": ["m"], "prompts": [], "dataset": "none"}, "none"),
        ({"key": "nobody"}, "no valid key"),
    ],
    ids=["budget", "price", "dataset", "key"],
)
async def test_what_cannot_be_asked_is_said_and_costs_nothing(post: Post, changes: dict[str, Any], words: str) -> None:
    post.asks(**changes)
    ran = await post.runs()
    assert words in (ran[0].error or "")
    assert post.one.requests == []
    assert post.platform.scoring.payers.spent(["sentinel"]) == [0]


async def test_evaluators_are_watched_and_a_field_that_is_refused_is_left_out(alone: Post) -> None:
    alone.asks(models=["one/small"], evaluators=[{"use": "keywords", "keywords": ["97"]}], watch=["evaluators"])
    await alone.runs(BASELINE)
    assert alone.platform.sentinel.standing.kept.readings("default", "one/small", 1)[0].run.answers["tower"].scores == {
        "keywords": 1.0
    }
    alone.one.default = answer("It is ninety metres high.")
    await alone.runs(9)
    (alert,) = alone.alerts()
    assert "score keywords off by 1.000 (before 0.000)" in alert.text


async def test_a_server_at_it_is_not_disturbed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post.work._turn, "take", lambda: False)
    assert await post.runs() == []
    with pytest.raises(Conflict, match="one process does it for all"):
        await post.work.tick(now=True)
