"""Parts of answers: kept by section, inputs, manifest and tenant; made once; forgotten in time."""

import asyncio
from typing import Any

import pytest

from pilothouse.cache.fragments import Fragments
from pilothouse.cache.memory_store import MemoryStore


class Maker:
    def __init__(self, fragments: Fragments) -> None:
        self.fragments = fragments
        self.made = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def make(self) -> Any:
        self.made += 1
        await self.go.wait()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return {"text": f"made {self.made}", "bytes": [1, 2]}

    def ask(self, section: str = "s", inputs: Any = None, manifest: Any = "m", project: str = "p") -> asyncio.Task[Any]:
        got = self.fragments.get_or_make(
            section, inputs or {"a": 1, "b": 2}, manifest, 10, self.make, project_id=project
        )
        return asyncio.create_task(got)


@pytest.fixture
def times() -> list[int]:
    return [0]


@pytest.fixture
def maker(times: list[int]) -> Maker:
    return Maker(Fragments(MemoryStore(10**6, clock=lambda: times[-1])))


async def test_a_part_is_made_once_and_kept(maker: Maker, times: list[int]) -> None:
    asked = [maker.ask(), maker.ask(inputs={"b": 2, "a": 1}), maker.ask()]
    await asyncio.sleep(0)
    maker.go.set()
    assert await asyncio.gather(*asked) == [{"text": "made 1", "bytes": [1, 2]}] * 3
    assert await maker.ask() == {"text": "made 1", "bytes": [1, 2]}
    times.append(10_000_000)
    assert (await maker.ask())["text"] == "made 2"


async def test_sections_inputs_manifests_and_tenants_are_apart(maker: Maker) -> None:
    maker.go.set()
    await maker.ask()
    for other in ({"section": "t"}, {"inputs": {"a": 2}}, {"manifest": {"prompt": "v2"}}, {"project": "q"}):
        await maker.ask(**other)
    assert maker.made == 5
    assert await maker.fragments.purge("p") == 4
    await maker.ask(project="q")
    assert maker.made == 5


@pytest.mark.parametrize("leave", [True, False])
async def test_when_the_maker_fails_or_leaves_another_makes_it(maker: Maker, leave: bool) -> None:
    first = maker.ask()
    await asyncio.sleep(0)
    second = maker.ask()
    await asyncio.sleep(0)
    if leave:
        first.cancel()
    else:
        maker.error = ValueError("no")
    maker.go.set()
    with pytest.raises(asyncio.CancelledError if leave else ValueError):
        await first
    assert (await second)["text"] == "made 2"
    assert not maker.fragments._making
