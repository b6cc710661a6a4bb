"""One Redis, spoken to by one task: what is asked at the same time travels in one pipeline, in the order it was asked.

Redis away is found out within the timeout, once; until it answers again every question fails at once. Needs the extra
`redis`. Knows nothing of what its scripts do.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from pilothouse.errors import ConfigError, MissingExtra, StorageError

__all__ = ["Command", "Outbox", "RedisLine", "Script", "redis_connection"]

_CLOSING = "This process is closing its connection to Redis."
_IDLE = 1.0
"""A connection unused for so long (seconds) may have been closed by the other side."""
_TOGETHER = 500
"""Questions per exchange: enough for a burst, few enough to be answered well within the timeout."""
_LINGER = 0.02
"""How long news from the outbox waits for a question to travel with (seconds): a round trip costs 0.1 ms of CPU."""


def redis_connection(url: str) -> Any:
    """A connection of redis-py's asyncio client by this URL: not open yet, without retries and timeouts of its own.

    Raises MissingExtra without the package, ConfigError for a URL that it cannot read.
    """
    try:
        from redis.asyncio import ConnectionPool  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra("PILOTHOUSE_REDIS_URL", "redis") from None
    try:
        pool = ConnectionPool.from_url(
            url, protocol=2, socket_timeout=None, socket_connect_timeout=None, retry=Retry(NoBackoff(), 0)
        )
    except ValueError as error:
        raise ConfigError(f"PILOTHOUSE_REDIS_URL cannot be read: {error}", param="PILOTHOUSE_REDIS_URL") from None
    return pool.make_connection()  # type: ignore[no-untyped-call]


class Script:
    """A Lua script and the hash that Redis knows it by."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Command:
    """One call of a script."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str | int]


class Outbox(Protocol):
    """What is sent ahead of the questions, and kept until Redis has answered to it."""

    def batch(self) -> Command | None:
        """The next to be delivered; the same again until `delivered`."""
        ...

    def delivered(self, reply: Any) -> None: ...

    def more(self) -> bool:
        """Whether another batch is waiting."""
        ...

    def beat(self) -> None:
        """Called now and then while Redis is there, and at once when it has come back."""
        ...


@dataclass(slots=True, eq=False)
class _Ask:
    command: Command
    undo: Callable[[Any], None]
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class RedisLine:
    """Asks and delivers. `timeout` bounds an exchange, `rest` is the time between two tries while Redis is away, `beat`
    that between two beats of the outbox (all in seconds)."""

    def __init__(self, url: str, outbox: Outbox, *, timeout: float = 0.5, rest: float = 0.5, beat: float = 10.0):
        self._connection = redis_connection(url)
        from redis import exceptions  # noqa: PLC0415 - an extra

        self._away = (exceptions.RedisError, OSError, TimeoutError)
        self._refusal, self._no_script = exceptions.ResponseError, exceptions.NoScriptError
        parts = urlsplit(url)
        self._where = parts.netloc.rpartition("@")[2] or parts.path
        self._outbox = outbox
        self._timeout, self._rest, self._beat = timeout, rest, beat
        self._asks: deque[_Ask] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._lingering = False
        self._closed = False
        self._last = 0.0
        self.down = False
        self._why = ""

    def ask(self, command: Command, undo: Callable[[Any], None]) -> Awaitable[Any]:
        """The script's reply, once awaited. StorageError while Redis is away.

        `undo` is called with the reply when nobody waits for it any more, with None when none came.
        """
        if self.down or self._closed:
            raise StorageError(self._why or _CLOSING)
        self._start()
        asked = _Ask(command, undo)
        self._asks.append(asked)
        self._wake.set()
        return asked.answer

    def nudge(self) -> None:
        """There is something in the outbox. May be called from any thread; until the first call from a running event
        loop it waits."""
        if self._closed:
            return
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._linger)
            return
        if self._loop is None or self._loop is here:
            self._start()
            self._linger()
        else:
            self._loop.call_soon_threadsafe(self._linger)

    async def aclose(self) -> None:
        """Deliver what waits, if Redis is there, and close the connection."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        used = self._task is not None or self._outbox.more()
        try:
            while used and not self.down and (batch := self._outbox.batch()) is not None:
                self._deliver((await self._exchange([batch]))[0])
        except StorageError:
            self.down = True
        await self._connection.disconnect()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._work(), name="redis")

    def _linger(self) -> None:
        if not self._lingering and self._loop is not None:
            self._lingering = True
            self._loop.call_later(_LINGER, self._wake.set)

    async def _work(self) -> None:
        """Exchange after exchange, for as long as this line is open."""
        try:
            while True:
                if not self.down:
                    await self._wait()
                if not await self._turn():
                    await asyncio.sleep(self._rest)
        finally:
            self._why = self._why or _CLOSING
            self._fail(self._asks)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._beat):
                await self._wake.wait()
        except TimeoutError:
            self._outbox.beat()
        self._wake.clear()
        self._lingering = False

    async def _turn(self) -> bool:
        """One exchange: what the outbox has, then the questions if that was all of it. False where Redis is away."""
        batch = self._outbox.batch()
        asks: list[_Ask] = []
        if self._outbox.more():
            self._wake.set()
        else:
            while self._asks and len(asks) < _TOGETHER:
                if not (asked := self._asks.popleft()).answer.done():
                    asks.append(asked)
            if self._asks:
                self._wake.set()
        commands = [asked.command for asked in asks]
        if batch is not None:
            commands.insert(0, batch)
        elif not asks and not self.down:
            return True
        try:
            replies = await self._exchange(commands)
            if batch is not None:
                self._deliver(replies.pop(0))
        except StorageError as error:
            self.down, self._why = True, error.message
            self._fail(asks)
            self._fail(self._asks)
            return False
        except BaseException:
            self._why = self._why or _CLOSING
            self._fail(asks)
            raise
        if self.down and not self._outbox.more():
            self.down, self._why = False, ""
            self._outbox.beat()
        for asked, reply in zip(asks, replies, strict=True):
            self._answer(asked, reply)
        return not any(isinstance(reply, Exception) for reply in replies)

    def _deliver(self, reply: Any) -> None:
        if isinstance(reply, Exception):
            raise StorageError(self._says(reply))
        self._outbox.delivered(reply)

    def _answer(self, asked: _Ask, reply: Any) -> None:
        if isinstance(reply, Exception):  # such as a replica that only reads, or no memory left
            self.down, self._why = True, self._says(reply)
            self._fail([asked])
        elif asked.answer.done():
            asked.undo(reply)
        else:
            asked.answer.set_result(reply)

    def _fail(self, asks: "Sequence[_Ask] | deque[_Ask]") -> None:
        for asked in asks:
            asked.undo(None)
            if not asked.answer.done():
                asked.answer.set_exception(StorageError(self._why))
        if asks is self._asks:
            self._asks.clear()

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, refusals of single scripts among them; without commands, whether Redis is there."""
        calls = [("EVALSHA", c.script.sha, len(c.keys), *c.keys, *c.args) for c in commands] or [("PING",)]
        try:
            async with asyncio.timeout(self._timeout):
                await self._drop_stale()
                replies = await self._send(calls)
                lost = [index for index, reply in enumerate(replies) if isinstance(reply, self._no_script)]
                if lost:  # a Redis that has just started does not know them
                    await self._send([("SCRIPT", "LOAD", text) for text in {commands[i].script.text for i in lost}])
                    for index, reply in zip(lost, await self._send([calls[i] for i in lost]), strict=True):
                        replies[index] = reply
        except self._away as error:
            await self._connection.disconnect(nowait=True)
            raise StorageError(self._says(error)) from error
        self._last = asyncio.get_running_loop().time()
        return replies[: len(commands)]

    async def _send(self, calls: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """Straight on the connection: redis-py's Pipeline costs twice the CPU, and swallows a cancellation."""
        await self._connection.send_packed_command(_packed(calls), check_health=False)
        replies: list[Any] = []
        for _ in calls:
            try:
                replies.append(await self._connection.read_response())
            except self._refusal as error:
                replies.append(error)
        return replies

    async def _drop_stale(self) -> None:
        """A server or a proxy may have closed an idle connection; that does not make Redis away."""
        if not self._connection.is_connected or asyncio.get_running_loop().time() - self._last < _IDLE:
            return
        can_read = getattr(self._connection, "can_read", None) or self._connection.can_read_destructive  # before 8.0
        try:
            stale = await can_read()
        except self._away:
            stale = True
        if stale:
            await self._connection.disconnect(nowait=True)

    def _says(self, error: BaseException) -> str:
        why = str(error) or f"no answer within {self._timeout} s"
        return f"Redis at {self._where} cannot be used: {why}. Check PILOTHOUSE_REDIS_URL and that it is running."


def _packed(calls: Sequence[tuple[str | int, ...]]) -> bytes:
    """The calls as Redis' protocol writes them (RESP 2: arrays of bulk strings), at half of redis-py's cost."""
    parts = []
    for call in calls:
        parts.append(b"*%d\r\n" % len(call))
        for arg in call:
            data = arg.encode("utf-8", "surrogatepass") if isinstance(arg, str) else b"%d" % arg
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)
