import pytest

from pilothouse.guards.remote.service import Service, ServiceFailed
from pilothouse.testing.lakera_server import LakeraServer
from pilothouse.testing.wire import Answer

BODY = {"messages": [{"role": "user", "content": "hello"}]}


def service(url: str, *, timeout: float = 30.0, retries: int = 1) -> Service:
    return Service(url, {"authorization": "Bearer secret-of-tests"}, timeout=timeout, retries=retries)


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "overloaded", "html"])
async def test_what_may_pass_is_tried_again(fault: str) -> None:
    async with LakeraServer() as server:
        asked = service(server.url)
        server.say(Answer(fault=fault, retry_after=0))  # type: ignore[arg-type]
        assert (await asked.post("/v2/guard", BODY))["flagged"] is False
        assert len(server.requests) == 2
        await asked.aclose()


@pytest.mark.parametrize(
    ("fault", "attempts", "told"),
    [
        ("rate_limit", 3, "127.0.0.1 answered 429."),
        ("auth", 1, "127.0.0.1 answered 401."),
        ("bad_request", 1, "127.0.0.1 answered 400."),
        ("garbage", 1, "127.0.0.1 answered in a form that is not its own."),
    ],
)
async def test_what_stays_is_told_without_its_words(fault: str, attempts: int, told: str) -> None:
    async with LakeraServer(Answer(fault=fault, retry_after=0)) as server:  # type: ignore[arg-type]
        asked = service(server.url, retries=2)
        with pytest.raises(ServiceFailed) as failed:
            await asked.post("/v2/guard", BODY)
        assert (str(failed.value), len(server.requests)) == (told, attempts)
        await asked.aclose()


async def test_one_that_is_silent_is_waited_for_no_longer_than_said() -> None:
    async with LakeraServer(Answer(fault="hang")) as server:
        asked = service(server.url, timeout=0.05, retries=5)
        with pytest.raises(ServiceFailed, match=r"^127\.0\.0\.1 did not answer within 0\.05 s\.$"):
            await asked.post("/v2/guard", BODY)
        await asked.aclose()


async def test_one_that_is_not_there_is_told(unused_tcp_port: int) -> None:
    asked = service(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ServiceFailed, match=r"^127\.0\.0\.1 cannot be reached: ClientConnectorError\.$"):
        await asked.post("/v2/guard", BODY)
    await asked.aclose()
