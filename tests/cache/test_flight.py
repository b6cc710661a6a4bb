"""Single flight: who asks, who listens, and what happens when either leaves or the call fails, at each point."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from pilothouse.cache.flight import Flight, Flights, Make
from pilothouse.call import Call, Span
from pilothouse.errors import BudgetExceeded, ContextTooLong, ProviderRejected, ProviderUnavailable
from pilothouse.types import ChatChunk


class Nowhere:
    def record(self, record: object) -> None:
        assert isinstance(record, Span)


class Upstream:
    """Gives the chunks that the test sends, one at a time; `None` ends the answer, an exception fails it."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Queue[str | BaseException | None]] = []
        self.begun = asyncio.Event()
        self.closed = 0

    async def __call__(self) -> AsyncGenerator[ChatChunk]:
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[ChatChunk]:
        queue: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
        self.calls.append(queue)
        self.begun.set()
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield ChatChunk(item.encode(), text=item)
        finally:
            self.closed += 1


class Client:
    """One caller: its task, what it got, and whether it listened to another's call."""

    def __init__(self, flights: Flights, make: Make, key: str = "k") -> None:
        self.call = Call(Nowhere())
        self.got: list[str] = []
        self.joined = False
        self.flight = Flight()
        self.news = asyncio.Event()
        self.task = asyncio.create_task(self._read(flights, make, key))

    async def _read(self, flights: Flights, make: Make, key: str) -> list[str]:
        async with aclosing(flights.run(key, self.call, make, self.flight, self._joined)) as chunks:
            async for chunk in chunks:
                self.got.append(chunk.text)
                self.news.set()
        return self.got

    def _joined(self) -> None:
        self.joined = True

    async def has(self, *texts: str) -> None:
        async with asyncio.timeout(30):
            while self.got != list(texts):
                self.news.clear()
                await self.news.wait()

    def leave(self) -> None:
        """What the endpoint does when the client has left."""
        if self.call.wanted is None or not self.call.wanted():
            self.task.cancel()


async def settled() -> None:
    """Let every task run until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def flights() -> Flights:
    return Flights()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


async def test_identical_calls_are_one(flights: Flights, upstream: Upstream) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    other = Client(flights, upstream, "another key")
    await settled()
    upstream.calls[0].put_nowait("a")
    await asyncio.gather(one.has("a"), two.has("a"))
    late = Client(flights, upstream)
    await late.has("a")
    for queue in upstream.calls:
        queue.put_nowait("b")
        queue.put_nowait(None)
    assert await asyncio.gather(one.task, two.task, late.task) == [["a", "b"]] * 3
    assert await other.task == ["b"]
    assert [c.joined for c in (one, two, late, other)] == [False, True, True, False]
    assert [c.text for c in one.flight.chunks] == ["a", "b"]
    assert len(upstream.calls) == upstream.closed == 2
    assert len(flights) == 0


async def test_the_next_call_after_it_asks_anew(flights: Flights, upstream: Upstream) -> None:
    for _ in range(2):
        client = Client(flights, upstream)
        await settled()
        upstream.calls[-1].put_nowait(None)
        await client.task
    assert len(upstream.calls) == 2


async def test_a_listener_that_leaves_changes_nothing(flights: Flights, upstream: Upstream) -> None:
    one, two, three = (Client(flights, upstream) for _ in range(3))
    await settled()
    two.leave()
    upstream.calls[0].put_nowait("a")
    await three.has("a")
    three.leave()
    upstream.calls[0].put_nowait(None)
    assert await one.task == ["a"]
    assert await asyncio.gather(two.task, three.task, return_exceptions=True) != [["a"], ["a"]]
    assert one.flight.listeners == 0


async def test_the_call_goes_on_for_others_when_its_client_leaves(flights: Flights, upstream: Upstream) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    upstream.calls[0].put_nowait("a")
    await two.has("a")
    one.leave()
    await settled()
    late = Client(flights, upstream)
    upstream.calls[0].put_nowait("b")
    upstream.calls[0].put_nowait(None)
    assert await asyncio.gather(two.task, late.task, one.task) == [["a", "b"]] * 3
    assert len(upstream.calls) == 1


async def test_it_is_cancelled_once_the_last_listener_left_too(flights: Flights, upstream: Upstream) -> None:
    one, two, three = (Client(flights, upstream) for _ in range(3))
    await settled()
    one.leave()
    two.leave()
    await settled()
    assert not one.task.done()
    three.leave()
    with pytest.raises(asyncio.CancelledError):
        await one.task
    assert upstream.closed == 1
    assert len(flights) == 0


async def test_listeners_that_leave_do_not_cancel_a_call_whose_client_is_there(
    flights: Flights, upstream: Upstream
) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    two.leave()
    await settled()
    assert not one.task.done()
    upstream.calls[0].put_nowait(None)
    await one.task


async def test_a_client_alone_is_cancelled_as_ever(flights: Flights, upstream: Upstream) -> None:
    one = Client(flights, upstream)
    await settled()
    one.leave()
    with pytest.raises(asyncio.CancelledError):
        await one.task
    assert upstream.closed == 1
    assert len(flights) == 0
    assert one.call.wanted is None


async def test_a_failure_before_the_first_chunk_lets_one_listener_ask(flights: Flights, upstream: Upstream) -> None:
    one, two, three = (Client(flights, upstream) for _ in range(3))
    await settled()
    upstream.calls[0].put_nowait(ProviderUnavailable("down"))
    await settled()
    assert len(upstream.calls) == 2
    upstream.calls[1].put_nowait("a")
    upstream.calls[1].put_nowait(None)
    assert await asyncio.gather(two.task, three.task) == [["a"], ["a"]]
    assert (two.joined, three.joined) == (False, True)
    with pytest.raises(ProviderUnavailable):
        await one.task


async def test_listeners_do_not_queue_up_behind_a_dead_provider(flights: Flights, upstream: Upstream) -> None:
    clients = [Client(flights, upstream) for _ in range(5)]
    await settled()
    for n in range(2):
        upstream.calls[n].put_nowait(ProviderUnavailable(f"down {n}"))
        await settled()
    results = await asyncio.gather(*(client.task for client in clients), return_exceptions=True)
    assert len(upstream.calls) == 2
    assert [str(result) for result in results] == ["down 0"] + ["down 1"] * 4
    assert len({id(result) for result in results}) == 5, "each has an exception of its own"


@pytest.mark.parametrize("error", [ProviderRejected("no", provider="p"), ContextTooLong("long", provider="p")])
async def test_an_error_of_the_request_is_shared(flights: Flights, upstream: Upstream, error: ProviderRejected) -> None:
    clients = [Client(flights, upstream) for _ in range(3)]
    await settled()
    upstream.calls[0].put_nowait(error)
    for result in await asyncio.gather(*(client.task for client in clients), return_exceptions=True):
        assert type(result) is type(error)
        assert (str(result), getattr(result, "provider", "")) == (str(error), "p")
    assert len(upstream.calls) == 1


async def test_the_limits_of_the_leader_are_its_own(flights: Flights, upstream: Upstream) -> None:
    one, two, three = (Client(flights, upstream) for _ in range(3))
    await settled()
    for n in range(2):
        upstream.calls[n].put_nowait(BudgetExceeded("spent"))
        await settled()
    upstream.calls[2].put_nowait(None)
    assert await three.task == []
    for client in (one, two):
        with pytest.raises(BudgetExceeded):
            await client.task


async def test_a_failure_after_the_first_chunk_is_shared(flights: Flights, upstream: Upstream) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    upstream.calls[0].put_nowait("a")
    await two.has("a")
    upstream.calls[0].put_nowait(ProviderUnavailable("broke off"))
    for client in (one, two):
        with pytest.raises(ProviderUnavailable, match="broke off"):
            await client.task
    assert len(upstream.calls) == 1


async def test_a_leader_out_of_time_leaves_the_call_to_a_listener(flights: Flights, upstream: Upstream) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    one.task.cancel()  # its deadline: no question whether others want it
    await settled()
    upstream.calls[1].put_nowait("a")
    upstream.calls[1].put_nowait(None)
    assert await two.task == ["a"]
    assert one.task.cancelled()


async def test_a_leader_out_of_time_amid_its_answer_ends_it_for_all(flights: Flights, upstream: Upstream) -> None:
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    upstream.calls[0].put_nowait("a")
    await two.has("a")
    one.task.cancel()
    with pytest.raises(ProviderUnavailable, match="cut short"):
        await two.task
    assert len(flights) == 0


@pytest.mark.parametrize("leaver", range(3))
@pytest.mark.parametrize("moment", range(12))
async def test_whoever_leaves_whenever_nothing_is_left_behind(
    flights: Flights, upstream: Upstream, leaver: int, moment: int
) -> None:
    before = asyncio.all_tasks()
    clients = [Client(flights, upstream) for _ in range(3)]
    for step in range(12):
        if step == moment:
            clients[leaver].leave()
        for queue in upstream.calls:
            queue.put_nowait(str(step) if step < 6 else None)
        await asyncio.sleep(0)
    for client in clients:
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(30):
                await client.task
    stayed = [client for n, client in enumerate(clients) if n != leaver]
    assert all(client.got == stayed[0].got and len(client.got) >= 5 for client in stayed)
    assert len(flights) == 0
    assert upstream.closed == len(upstream.calls)
    assert asyncio.all_tasks() == before


async def test_a_call_with_too_much_to_keep_is_not_joined(
    flights: Flights, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.cache.flight._MOST_BYTES", 3)
    one, two = Client(flights, upstream), Client(flights, upstream)
    await settled()
    for text in ("abc", "d", "e"):
        upstream.calls[0].put_nowait(text)
    await two.has("abc", "d", "e")
    late = Client(flights, upstream)
    await settled()
    for text in ("abc", "d", None):
        upstream.calls[1].put_nowait(text)
    upstream.calls[0].put_nowait(None)
    assert await asyncio.gather(one.task, two.task) == [["abc", "d", "e"]] * 2
    assert await late.task == ["abc", "d"]
    assert late.flight.full
    assert late.flight.chunks == []
    assert len(flights) == 0
