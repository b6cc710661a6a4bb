from pilothouse.lifecycle.sentinel.rooms import reading_json, sentinel_state

from .conftest import BASELINE, GOLDEN_NANO, Post, answer


async def test_where_each_deployment_stands(post: Post) -> None:
    fresh = sentinel_state(post.platform.sentinel, "default")
    assert [one["deployment"] for one in fresh["deployments"]] == ["one/small", "spare"]
    assert (fresh["deployments"][0]["to_learn"], fresh["deployments"][0]["next_us"]) == (BASELINE, None)
    await post.runs(4)
    state = sentinel_state(post.platform.sentinel, "default")
    one = state["deployments"][0]
    assert (one["status"], one["runs"], one["to_learn"], one["change"]) == ("learning", 4, BASELINE - 4, None)
    assert (state["spent_nano"], state["budget_nano"], state["prompts"]) == (16 * GOLDEN_NANO, 10**9, 2)
    await post.runs(6)
    post.one.default = answer("No.")
    await post.runs(8)
    assert post.state()["says"].startswith("What differs: answers that say something else 100%")
    assert sentinel_state(post.platform.sentinel, "shop") == {"enabled": False, "deployments": []}


async def test_a_run_as_json_has_no_vectors(post: Post) -> None:
    await post.runs()
    (reading,) = post.platform.sentinel.kept.readings("default", "one/small")
    told = reading_json(reading)
    assert told["answers"]["tower"]["text"] == "It is 97 metres high."
    assert "vector" not in told["answers"]["tower"]
    assert told["figures"]["refusals"] == 0.0
