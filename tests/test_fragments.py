"""Parts of answers from an application: made once, had again as they were, and made anew where nothing keeps them."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pilothouse.client import AsyncClient, Client
from pilothouse.errors import Forbidden, InvalidRequest
from pilothouse.fragments import Making, Part
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    embedded = Embedded(Settings(home=tmp_path_factory.mktemp("home")))
    yield embedded
    embedded.close()


def never() -> Any:
    raise AssertionError("it was kept")


def test_a_part_is_made_once_and_comes_back_the_same(platform: Embedded) -> None:
    asked = {"section": "summary", "inputs": {"document": 7}, "manifest": {"prompt": "v2"}}
    first = platform.client.fragment(**asked, make=lambda: {"z": (1, 2), "a": None})
    assert first == platform.client.fragment(**asked, make=never) == {"z": [1, 2], "a": None}
    assert list(first) == ["z", "a"]
    other = platform.client.fragment(**{**asked, "manifest": {"prompt": "v3"}}, make=lambda: "another")
    assert other == "another"
    platform.client.fragment("nothing", 1, lambda: None)
    assert platform.client.fragment("nothing", 1, never) is None


def test_what_cannot_be_kept_is_refused_before_or_after_it_is_made(platform: Embedded) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"section": "s", "inputs": {1j}, "make": never}, "inputs"),
        ({"section": "", "inputs": 1, "make": never}, "section"),
        ({"section": "s", "inputs": 1, "make": never, "ttl": 0}, "ttl"),
        ({"section": "s", "inputs": 1, "make": lambda: object()}, "value"),
    ]  # fmt: skip
    for asked, param in refused:
        with pytest.raises(InvalidRequest) as error:
            platform.client.fragment(**asked)
        assert error.value.param == param


def test_threads_wait_for_the_one_that_makes_it(platform: Embedded) -> None:
    made, begun, go, got = [], threading.Event(), threading.Event(), []

    def make() -> str:
        made.append(1)
        begun.set()
        assert go.wait(20)
        if len(made) == 1:
            raise ValueError("the first one fails")
        return "made"

    def ask() -> None:
        try:
            got.append(platform.client.fragment("threads", 1, make))
        except ValueError as error:
            got.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["made"] * 4 + ["the first one fails"]
    assert len(made) == 2


async def test_tasks_wait_for_the_one_that_makes_it_and_one_that_leaves_leaves_it_to_others(platform: Embedded) -> None:
    begun, go, made = asyncio.Event(), asyncio.Event(), 0

    async def make() -> str:
        nonlocal made
        made += 1
        begun.set()
        await go.wait()
        return f"made {made}"

    async with AsyncClient(platform.address, platform.key) as client:
        first, *others = [asyncio.create_task(client.fragment("tasks", 1, make)) for _ in range(4)]
        await begun.wait()
        begun.clear()
        others.pop().cancel()
        first.cancel()
        await begun.wait()
        go.set()
        assert await asyncio.gather(*others) == ["made 2"] * 2


def test_where_no_server_is_the_part_is_made() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert [client.fragment("s", 1, lambda: "made") for _ in range(2)] == ["made"] * 2


def test_a_key_keeps_out_of_the_cache_or_may_not_use_it(platform: Embedded) -> None:
    def key(role: Any, **settings: Any) -> str:
        policy = {"policy": settings}
        return str(platform.client.request("POST", "/api/keys", {"name": "k", "role": role, **policy})["secret"])

    with Client(platform.address, key("caller", cache=False)) as aloof:
        assert [aloof.fragment("aloof", 1, lambda n=n: n) for n in range(2)] == [0, 1]  # type: ignore[misc]
    with Client(platform.address, key("viewer")) as viewer, pytest.raises(Forbidden):
        viewer.fragment("s", 1, never)


def test_the_first_makes_and_the_next_waits() -> None:
    making, part = Making(), Part("s", {"b": 1, "a": 2}, None, 1)
    assert part.key == Part("s", {"a": 2, "b": 1}, None, 9).key
    assert making.begin(part.key) is None
    waiting = making.begin(part.key)
    assert waiting is not None
    assert making.begin(b"another") is None
    making.end(part.key, b"1")
    assert waiting.result(0) == b"1"
    assert making.begin(part.key) is None
