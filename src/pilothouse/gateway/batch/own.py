"""The lane of our own: each request of a batch goes down the one path of all calls, when live traffic leaves room.

So each is limited, budgeted, cached, priced and recorded as any other. A limit of the caller's is waited for; a budget
that is spent ends the rest. Knows nothing of leases.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice

from pilothouse.config import BatchConfig
from pilothouse.errors import (
    AccessError,
    BudgetExceeded,
    LimitError,
    Overloaded,
    PilothouseError,
    ProviderError,
    StorageError,
    TooManyRequests,
)
from pilothouse.gateway.batch.hold import Ended, Held
from pilothouse.gateway.batch.lines import Item, answer_line, error_line, items_of, refusal_line, request_of
from pilothouse.gateway.batch.rooms import BatchRooms
from pilothouse.ids import new_id, now_us
from pilothouse.storage.batch_leases import Result
from pilothouse.storage.batches import Batch
from pilothouse.types import ChatChunk, ChatRequest

__all__ = ["EXPIRED", "Gate", "OwnLane", "fail_rest", "items_left"]

_log = logging.getLogger("pilothouse.gateway")
EXPIRED = ("batch_expired", "This request could not be executed before the completion window expired.")
_CHUNK = 64
_LOOK_AGAIN = 0.05  # seconds between two looks at the live traffic
_TRIES = 4  # of a request that is not answered for a reason that may pass, on top of the path's own retries
_LONGEST_WAIT = 60.0
_TOO_DEAR = 3  # requests in a row that a budget has no room for, after which the rest is not asked any more


class Gate:
    """Lets so many requests of batches be asked at once, and none begin while live traffic is above its mark.

    `config` is read anew each time; `live` is the number of requests being answered, of all kinds.
    """

    def __init__(self, config: Callable[[], BatchConfig], live: Callable[[], int]) -> None:
        self._config = config
        self._live = live
        self._inside = 0
        self._left = asyncio.Event()
        self._closed = False

    @property
    def parallel(self) -> int:
        return self._config().parallel

    async def enter(self) -> None:
        """Wait for room."""
        while self._closed or self._inside >= self.parallel or self._live() > self._config().yield_above:
            self._left.clear()
            try:
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._left.wait()
            except TimeoutError:
                pass
        self._inside += 1

    def leave(self) -> None:
        self._inside -= 1
        self._left.set()

    async def close(self, grace: float) -> None:
        """Let nobody in any more; wait at most `grace` seconds for those inside."""
        self._closed = True
        try:
            async with asyncio.timeout(grace):
                while self._inside:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            pass


@dataclass(slots=True)
class _Work:
    """One batch being worked off: `ended` is set once no further request should be asked. Whoever was refused for its
    budget waits under `alone` until nothing else of the batch is `asking`, which may hold what is left of it."""

    held: Held
    room: asyncio.Semaphore
    asking: int = 0
    too_dear: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    not_before: float = 0.0
    ended: Ended | None = None
    rest: tuple[str, str] | None = None
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def batch(self) -> Batch:
        return self.held.batch

    def end(self, status: str, error: tuple[str, str] | None = None, rest: tuple[str, str] | None = None) -> None:
        """Ask no more. `error` is told of the batch, `rest` of each request that was not asked."""
        if self.ended is None:
            told = None if error is None else [{"code": error[0], "message": error[1], "line": None, "param": None}]
            self.ended, self.rest = Ended(status, told), rest


class OwnLane:
    """`sleep` and `clock` (UTC microseconds) are those of the waiting."""

    def __init__(
        self, rooms: BatchRooms, gate: Gate, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self._rooms = rooms
        self._gate = gate
        self._sleep = sleep
        self._clock = clock

    async def run(self, held: Held) -> Ended:
        """Ask whatever has no result yet."""
        work = _Work(held, asyncio.Semaphore(self._gate.parallel))
        try:
            async with aclosing(items_left(self._rooms, held.batch)) as chunks:
                async for chunk in chunks:
                    for item in chunk:
                        await self._begin(work, item)
                    if work.ended is not None:
                        break
            while work.tasks:
                await _settled(work.tasks)
        finally:
            for task in work.tasks:
                task.cancel()
            await asyncio.gather(*work.tasks, return_exceptions=True)
        if work.rest is not None:
            await fail_rest(held, self._rooms, *work.rest)
        return work.ended or Ended("completed")

    async def _begin(self, work: _Work, item: Item) -> None:
        """Start on an item once there is room; not at all where the batch has ended."""
        if work.ended is not None:
            return
        await work.room.acquire()
        async with work.alone:
            pass
        task = asyncio.create_task(self._ask(work, item))
        work.tasks.add(task)
        task.add_done_callback(lambda _: work.room.release())
        for done in [task for task in work.tasks if task.done()]:
            work.tasks.discard(done)
            done.result()  # a failure of the database stops the batch, until it is claimed again

    async def _ask(self, work: _Work, item: Item) -> None:
        """One item, to its result; without one where the batch ends before. All its tries share a request id."""
        tries, alone, request_id = 0, False, f"req_{new_id()}"
        while work.ended is None:
            try:
                result = await (self._alone if alone else self._asked)(work, item, request_id)
            except BudgetExceeded as error:
                if not alone:
                    alone = True
                    continue
                result = self._too_dear(work, item, error)
            except (TooManyRequests, Overloaded) as error:
                wait = error.retry_after if isinstance(error, LimitError) and error.retry_after is not None else 1.0
                work.not_before = max(work.not_before, time.monotonic() + min(max(wait, 0.01), _LONGEST_WAIT))
                continue
            except (ProviderError, StorageError) as error:
                tries += 1
                if tries < _TRIES and (again := _until_next(error, tries)) is not None:
                    await self._sleep(again)
                    continue
                result = self._refused(work.batch, item, error, request_id)
            if result is not None:
                await work.held.add([result])
            return

    def _too_dear(self, work: _Work, item: Item, error: BudgetExceeded) -> Result | None:
        """One request may cost more than is left; after several in a row the budget counts as spent."""
        work.too_dear += 1
        told = (error.code, error.message)
        if work.too_dear < _TOO_DEAR:
            return Result(item.number, error_line(work.batch.id, item, *told), failed=True)
        work.end("completed", told, told)
        return None

    async def _alone(self, work: _Work, item: Item, request_id: str) -> Result | None:
        """Ask again once nothing else of this batch is being asked, which may hold what the budget has left."""
        async with work.alone:
            await work.idle.wait()
            return await self._asked(work, item, request_id)

    async def _asked(self, work: _Work, item: Item, request_id: str) -> Result | None:
        """The result of one request down the path; None where the batch has ended. Raises what may be tried again."""
        work.asking += 1
        work.idle.clear()
        try:
            while (wait := work.not_before - time.monotonic()) > 0 and not self._over(work):
                await self._sleep(wait)
            await self._gate.enter()
            try:
                return None if self._over(work) else await self._answer(work, item, request_id)
            finally:
                self._gate.leave()
        finally:
            work.asking -= 1
            if not work.asking:
                work.idle.set()

    def _over(self, work: _Work) -> bool:
        if work.ended is None and self._clock() >= work.batch.expires_us:
            work.end("expired", rest=EXPIRED)
        return work.ended is not None

    async def _answer(self, work: _Work, item: Item, request_id: str) -> Result | None:
        batch = work.batch
        left = (batch.expires_us - self._clock()) / 1e6
        deadline = time.monotonic() + max(1.0, min(self._rooms.timeout, left))
        try:
            call = self._rooms.call(batch, request_id=request_id, deadline=deadline)
        except AccessError as error:
            work.end("failed", (error.code, error.message))
            return None
        try:
            request = request_of(batch.endpoint, item.body, batch.headers)
            if isinstance(request, ChatRequest):
                async with aclosing(self._rooms.gateway.chat(request, call)) as chunks:
                    answer = await _last(chunks)
            else:
                answer = await self._rooms.gateway.single(request, call)
        except (LimitError, Overloaded, ProviderError, StorageError):
            raise
        except PilothouseError as error:
            return self._refused(batch, item, error, request_id)
        except Exception as error:  # noqa: BLE001 - one request that goes wrong does not stop the others
            _log.error("request %s of %s failed", request_id, batch.id, exc_info=error)
            unknown = PilothouseError("Something went wrong in Pilothouse; the log has the request id.")
            return self._refused(batch, item, unknown, request_id)
        work.too_dear = 0
        return Result(item.number, answer_line(batch.id, item, request_id, answer.raw), usage=answer.usage)

    def _refused(self, batch: Batch, item: Item, error: PilothouseError, request_id: str) -> Result:
        return Result(item.number, refusal_line(batch.id, item, request_id, error, batch.endpoint), failed=True)


def _until_next(error: ProviderError | StorageError, tries: int) -> float | None:
    """Seconds until a request that failed for a reason that may pass is asked again; None where it will not."""
    if isinstance(error, StorageError):
        return 2.0**tries
    return min(error.retry_after or 2.0**tries, _LONGEST_WAIT) if error.retryable else None


async def fail_rest(held: Held, rooms: BatchRooms, code: str, message: str) -> None:
    """Every request without a result gets this error."""
    async with aclosing(items_left(rooms, held.batch)) as chunks:
        async for chunk in chunks:
            lines = [(item.number, error_line(held.batch.id, item, code, message)) for item in chunk]
            await held.add([Result(number, line, failed=True) for number, line in lines])


async def items_left(rooms: BatchRooms, batch: Batch) -> AsyncGenerator[list[Item]]:
    """The items without a result, some at a time."""
    done = await asyncio.to_thread(rooms.leases.done, batch)
    items = items_of(rooms.files.lines(batch.project_id, batch.input_file_id))
    while chunk := await asyncio.to_thread(lambda: list(islice(items, _CHUNK))):
        left = [item for item in chunk if item.number not in done]
        if left:
            yield left


async def _last(chunks: AsyncGenerator[ChatChunk]) -> ChatChunk:
    answer: ChatChunk | None = None
    async for chunk in chunks:
        answer = chunk
    if answer is None:
        raise ProviderError("The provider gave no answer.")
    return answer


async def _settled(tasks: set[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks -= done
    for task in done:
        task.result()
