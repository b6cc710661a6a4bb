import pytest

from pilothouse.errors import ConfigError
from pilothouse.guarding import GuardPolicy, GuardUse
from pilothouse.guards.judging import judge
from pilothouse.guards.policy import Placed
from pilothouse.guards.remote.lakera import Lakera
from pilothouse.protocols import Subject
from pilothouse.testing.lakera_server import LakeraServer
from pilothouse.testing.wire import Answer


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"api_key": "sk-plain"}, "api_key"),
        ({"api_key": "${NOT_THERE_AT_ALL}"}, "api_key"),
        ({"base_url": "ftp://example.org"}, "base_url"),
        ({"timeout": 0}, "timeout"),
        ({"retries": 9}, "retries"),
        ({"usd_per_request": -1}, "usd_per_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_options_are_told_by_their_key(options: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        Lakera(**options)  # type: ignore[arg-type]
    assert wrong.value.param == f"lakera.{key}"


@pytest.mark.parametrize("on_error", ["allow", "act"])
async def test_a_service_that_is_down_is_a_failed_look_and_the_policy_says_what_that_means(on_error: str) -> None:
    async with LakeraServer(Answer(fault="server_error")) as server:
        guard = Lakera(base_url=server.url, retries=0)
        placed = Placed(guard, "input", "block", on_error, "p", GuardPolicy(input=[GuardUse(use="lakera")]))  # type: ignore[arg-type]
        judgement = await judge([placed], Subject("hello", "input"))
        (one,) = judgement.judged
        assert (one.result.status, one.result.reason) == ("failed", "127.0.0.1 answered 500.")
        assert judgement.action == ("block" if on_error == "act" else None)
        await guard.aclose()


async def test_an_empty_text_is_sent_nowhere() -> None:
    assert (await Lakera().check(Subject(" \n", "input"))).status == "skipped"
