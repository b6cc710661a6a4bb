"""Sends what is queued, while a server runs: one process for all, each export by itself. Knows nothing of encodings.

What does not answer is asked again after a second, twice as long each time and five minutes at most; meanwhile spans
wait in the queue. A batch that is refused as such (400, 413, 422) is left out and counted: it would be refused again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from pilothouse.call import Span
from pilothouse.errors import ConfigError, DeliveryError
from pilothouse.exports.fitting import fits, is_low
from pilothouse.exports.hooks import finished, too_low
from pilothouse.exports.otlp import in_json, in_protobuf
from pilothouse.exports.queue import Queue, Waiting
from pilothouse.exports.stored import scores_at, spans_at
from pilothouse.ids import now_us
from pilothouse.monitoring import Channel, ExportConfig
from pilothouse.notify.message import Message
from pilothouse.notify.post import post
from pilothouse.notify.webhook import Webhook
from pilothouse.snapshot import resolve_secrets
from pilothouse.storage.database import Store
from pilothouse.storage.turns import Turn

__all__ = ["Carrier", "check_exports"]

_SPANS = 500  # in a request
_IDLE, _FIRST, _LONGEST = 1.0, 1.0, 300.0  # seconds
_SPOILED = frozenset((400, 413, 422))
_log = logging.getLogger(__name__)

Exports = Mapping[str, ExportConfig]


@dataclass(slots=True)
class _Standing:
    """How an export gets on: `due_us` is when it is tried again."""

    due_us: int = 0
    failures: int = 0


class Carrier:
    """`run` for as long as the process serves. `sent`, `refused` and `problems` (by export) are since the start."""

    def __init__(
        self, store: Store, queue: Queue, turn: Turn, exports: Callable[[], Exports],
        clock: Callable[[], int] = now_us, env: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._queue = queue
        self._turn = turn
        self._exports = exports
        self._clock = clock
        self._env = env
        self._standings: dict[str, _Standing] = {}
        self._session: aiohttp.ClientSession | None = None
        self._known: Sequence[str] | None = None
        self.problems: dict[str, str] = {}
        self.sent = self.refused = 0

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            return 0.0 if await self.tick() else _IDLE

        await self._turn.serve(work, again=_IDLE, failing="Exports wait", logger=_log)

    async def tick(self) -> bool:
        """Send one batch of each export that is due; tells whether any was sent."""
        exports = self._exports()
        if not (exports or self._known) or not await asyncio.to_thread(self._turn.take):
            return False
        if self._known != list(exports):
            await asyncio.to_thread(self._queue.forget_others, exports)
            self._known = list(exports)
        each = (self._next(name, export) for name, export in exports.items())
        outcomes = await asyncio.gather(*each, return_exceptions=True)  # all to their ends: none is sent twice
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return any(outcomes)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _next(self, name: str, export: ExportConfig) -> bool:
        standing = self._standings.setdefault(name, _Standing())
        if self._clock() < standing.due_us:
            return False
        waiting = await asyncio.to_thread(self._queue.next, name)
        if waiting is None:
            return False
        try:
            await self._send(name, export, waiting)
        except (DeliveryError, ConfigError) as error:
            self._missed(name, standing, error)
            return False
        self.problems.pop(name, None)
        standing.failures = 0
        await asyncio.to_thread(self._queue.done, waiting)
        return True

    def _missed(self, name: str, standing: _Standing, error: DeliveryError | ConfigError) -> None:
        pause = min(_LONGEST, _FIRST * 2 ** min(standing.failures, 20))
        wait = error.wait if isinstance(error, DeliveryError) and error.wait else 0.0
        standing.failures += 1
        standing.due_us = self._clock() + int(max(pause, wait) * 1e6)
        if self.problems.get(name) != error.message:
            _log.warning("The export '%s' is tried again: %s", name, error.message)
        self.problems[name] = error.message

    async def _send(self, name: str, export: ExportConfig, waiting: Waiting) -> None:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(trust_env=True)
        where = f"exports.{name}"
        endpoint = resolve_secrets(export.endpoint, f"{where}.endpoint", self._env) or ""
        if export.kind == "webhook":
            secret = resolve_secrets(export.secret, f"{where}.secret", self._env)
            channel = Channel(kind="webhook", url=endpoint, secret=secret, timeout=export.timeout)
            await self._tell(name, channel, await asyncio.to_thread(self._messages, export, waiting))
            return
        fitting = await asyncio.to_thread(self._fitting, export, waiting)
        headers = {n: resolve_secrets(v, f"{where}.headers.{n}", self._env) or "" for n, v in export.headers.items()}
        binary = export.protocol == "http/protobuf"
        headers["content-type"] = "application/x-protobuf" if binary else "application/json"
        for first in range(0, len(fitting), _SPANS):
            part = fitting[first : first + _SPANS]
            body = await asyncio.to_thread(in_protobuf if binary else in_json, part)
            await self._post(name, endpoint, body, headers, export.timeout, len(part))

    async def _post(
        self, name: str, endpoint: str, body: bytes, headers: Mapping[str, str], timeout: float, spans: int
    ) -> None:  # fmt: skip
        assert self._session is not None
        try:
            await post(self._session, endpoint, body, headers, timeout)
        except DeliveryError as error:
            if error.answered not in _SPOILED:
                raise
            self.refused += spans
            _log.error("The export '%s' refused %d spans for good: %s", name, spans, error.message)
        else:
            self.sent += spans

    async def _tell(self, name: str, channel: Channel, messages: Mapping[str, Message]) -> None:
        """Each message under its id, which stays the same where it comes twice."""
        assert self._session is not None
        hook = Webhook(channel, self._session, self._clock)
        for identifier, message in messages.items():
            try:
                await hook.send(message, identifier)
            except DeliveryError as error:
                if error.answered not in _SPOILED:
                    raise
                self.refused += 1
                _log.error("The webhook '%s' refused a message for good: %s", name, error.message)
            else:
                self.sent += 1

    # ---- parts that block

    def _fitting(self, export: ExportConfig, waiting: Waiting) -> list[Span]:
        return [span for span in spans_at(self._store.observe, waiting.places) if fits(span, export)]

    def _messages(self, export: ExportConfig, waiting: Waiting) -> dict[str, Message]:
        if export.below:
            rows = scores_at(self._store.observe, waiting.places)
            low = [row for row in rows if is_low(row["project_id"], row["name"], row["value"], export)]
            return {f"{row['id']}-{row['updated_us']}": too_low(row, export.below[row["name"]]) for row in low}
        roots = [span for span in self._fitting(export, waiting) if span.parent_id is None]
        return {f"{root.project_id}-{root.trace_id}-{root.id}": finished(root) for root in roots}


def check_exports(exports: Exports, env: Mapping[str, str] | None = None) -> None:
    """Raises ConfigError for a reference to a secret that is not there."""
    for name, export in exports.items():
        where = f"exports.{name}"
        resolve_secrets(export.endpoint, f"{where}.endpoint", env)
        resolve_secrets(export.secret, f"{where}.secret", env)
        for header, value in export.headers.items():
            resolve_secrets(value, f"{where}.headers.{header}", env)
