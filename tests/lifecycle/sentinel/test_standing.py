import pytest

from pilothouse.access import Actor
from pilothouse.errors import Conflict, NotFound
from pilothouse.lifecycle.sentinel.standing import reading_json

from .conftest import BASELINE, GOLDEN_NANO, Post, answer

ADA = Actor("ada", "cli")


async def test_where_each_deployment_stands(post: Post) -> None:
    fresh = post.platform.sentinel.standing.shown("default")
    assert [one["deployment"] for one in fresh["deployments"]] == ["one/small", "spare"]
    assert (fresh["deployments"][0]["to_learn"], fresh["deployments"][0]["next_us"]) == (BASELINE, None)
    await post.runs(4)
    state = post.platform.sentinel.standing.shown("default")
    one = state["deployments"][0]
    assert (one["status"], one["runs"], one["to_learn"], one["change"]) == ("learning", 4, BASELINE - 4, None)
    assert (state["spent_nano"], state["budget_nano"], state["prompts"]) == (16 * GOLDEN_NANO, 10**9, 2)
    await post.runs(6)
    post.one.default = answer("No.")
    await post.runs(8)
    assert post.state()["says"].startswith("What differs: answers that say something else 100%")
    assert post.platform.sentinel.standing.shown("shop") == {"enabled": False, "deployments": []}


async def test_a_run_as_json_has_no_vectors(post: Post) -> None:
    await post.runs()
    (reading,) = post.platform.sentinel.standing.kept.readings("default", "one/small")
    told = reading_json(reading)
    assert told["answers"]["tower"]["text"] == "It is 97 metres high."
    assert "vector" not in told["answers"]["tower"]
    assert told["figures"]["refusals"] == 0.0


async def test_what_is_accepted_is_the_new_baseline(alone: Post) -> None:
    with pytest.raises(NotFound):
        alone.platform.sentinel.standing.accept(ADA, "default", "one/small")
    await alone.runs(BASELINE + 1)
    with pytest.raises(Conflict, match="nothing to accept"):
        alone.platform.sentinel.standing.accept(ADA, "default", "one/small")
    alone.one.default = answer("It rises to 97 metres.")
    await alone.runs(8)
    since = alone.state()["change"]["since_us"]
    accepted = alone.platform.sentinel.standing.accept(ADA, "default", "one/small")
    assert (accepted.status, accepted.since_us) == ("learning", since)
    assert accepted.course.runs > 2, "what came since the change counts already"
    (alert,) = alone.alerts()
    assert alert.status == "cleared"
    (entry, *_) = alone.platform.audit.list(limit=1)
    assert (entry.action, entry.actor) == ("sentinel.accept", "ada")
    await alone.runs(BASELINE)
    assert alone.state()["status"] == "watching"
    assert len(alone.alerts()) == 1
