"""The lane of a vendor: a batch goes to its batch API at once, is looked at now and then, and its results come back.

What is known of it there is kept before and after each step, so that whoever goes on after a crash finds it again.
Knows nothing of vendors' formats (see providers/batch_api.py), nor of money (see bill.py).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from pilothouse.access.bounds import bound
from pilothouse.cache.prefix import prefixed
from pilothouse.call import Call
from pilothouse.config import ModelConfig
from pilothouse.errors import AccessError, NotFound, PilothouseError, ProviderError
from pilothouse.gateway.batch.bill import AtVendor, Bill, Sum
from pilothouse.gateway.batch.hold import Ended, Held, unbroken
from pilothouse.gateway.batch.lines import Item, answer_line, error_line, items_of, refusal_line, request_of
from pilothouse.gateway.batch.own import EXPIRED, fail_rest
from pilothouse.gateway.batch.rooms import BatchRooms
from pilothouse.gateway.shaping import shaped
from pilothouse.ids import now_us
from pilothouse.providers.batch_api import BatchApi, OffersBatches, Undecided, VendorBatch, VendorResult
from pilothouse.storage.batch_leases import Result
from pilothouse.storage.batches import Batch
from pilothouse.types import ChatRequest, Json

__all__ = ["NotSent", "VendorLane"]

_log = logging.getLogger("pilothouse.gateway")
_PAGE = 500
_LATE_US = 3600 * 1_000_000  # after our window the vendor, who began later, has this long to tell how it ended
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_UNSHAPED = ModelConfig.model_construct()
_MISSING = ("missing_result", "The provider gave no result for this request.")


class NotSent(Exception):
    """The vendor will not have the batch, for this `error`: nothing of it runs there."""

    def __init__(self, error: PilothouseError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(slots=True)
class _Prepared:
    """A batch ready to send. `refused` are the results of requests that cannot be sent at all."""

    payload: bytes = b""
    count: int = 0
    nano: int | None = 0
    tokens: int = 0
    refused: list[Result] = field(default_factory=list)


class VendorLane:
    """Sends, waits and collects. `sleep` and `clock` (UTC microseconds) are those of the waiting."""

    def __init__(
        self, rooms: BatchRooms, bill: Bill, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self._rooms = rooms
        self._sleep = sleep
        self._clock = clock
        self.bill = bill

    async def run(self, held: Held) -> Ended:
        """To its end. Raises NotSent."""
        at = AtVendor.of(held.batch)
        while (api := self._api(at)) is None:
            if at.id is None or self._clock() > held.batch.expires_us:
                raise NotSent(_gone(at))
            _log.warning("%s waits: %s", held.batch.id, _gone(at).message)
            await self._sleep(_LONGEST_WAIT)
        if at.id is None and (ended := await self._send(held, at, api)) is not None:
            return ended
        return await self._collect(held, at, api, await self._until_ended(held, at, api))

    async def stop(self, held: Held) -> None:
        """Cancel it, and collect what was answered before."""
        at = AtVendor.of(held.batch)
        api = self._api(at)
        if api is None:
            raise NotSent(_gone(at))
        if at.id is None and at.state == "sending":
            at.id = await self._found(held, at, api)
        if at.id is None:
            self.bill.settle(at, held.batch, Sum())
            return
        try:
            await api.cancel(at.id)
        except ProviderError as error:  # it may have ended already
            _log.info("%s could not be cancelled at '%s': %s", held.batch.id, at.provider, error.message)
        await self._collect(held, at, api, await self._until_ended(held, at, api))

    def _api(self, at: AtVendor) -> BatchApi | None:
        provider = self._rooms.gateway.runtime.providers.get(at.provider)
        return provider.batches if isinstance(provider, OffersBatches) else None

    # ---- sending

    async def _send(self, held: Held, at: AtVendor, api: BatchApi) -> Ended | None:
        if at.state == "sending":
            at.id = await self._found(held, at, api)
            if at.id is None:
                self.bill.settle(at, held.batch, Sum())  # it never got there
        if at.id is None:
            call = self._call(held.batch)
            prepared = await asyncio.to_thread(self._prepare, held.batch, at, api, call)
            await held.add(prepared.refused)
            if not prepared.count:
                return Ended("completed")
            at.count, at.state = prepared.count, "sending"
            self.bill.open(at, call, prepared.nano, prepared.tokens)
            await self._note(held, at)
            await self._deliver(held, at, api, call, prepared.payload)
        else:
            await self._note_sent(held, at, at.id)
        return None

    async def _deliver(self, held: Held, at: AtVendor, api: BatchApi, call: Call, payload: bytes) -> None:
        """Until it is there. Raises NotSent, with nothing left to settle."""
        batch, wait = held.batch, _FIRST_WAIT
        try:
            await self.bill.hold(at, batch, call)
        except PilothouseError as error:
            raise NotSent(error) from error
        while True:
            try:
                return await unbroken(self._create(held, at, api, payload))
            except ProviderError as error:
                if not error.retryable or self._clock() > batch.expires_us:
                    self.bill.settle(at, batch, Sum(), error)
                    raise NotSent(error) from error
                _log.warning("%s is not sent yet: %s", batch.id, error.message)
            await self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            if (found := await self._found(held, at, api)) is not None:
                return await self._note_sent(held, at, found)

    async def _create(self, held: Held, at: AtVendor, api: BatchApi, payload: bytes) -> None:
        """Without the id that comes back, a batch of some vendors is not found again before it has ended."""
        batch = held.batch
        await self._note_sent(held, at, await api.create(_key(batch), batch.endpoint, payload, batch.headers))

    async def _found(self, held: Held, at: AtVendor, api: BatchApi) -> str | None:
        """The id of a batch that was sent, if it got there."""
        wait = _FIRST_WAIT
        while True:
            try:
                return await api.find(_key(held.batch), at.at_us, at.count)
            except Undecided:
                pass
            except ProviderError as error:
                if self._clock() > held.batch.expires_us + _LATE_US:
                    raise NotSent(error) from error
                _log.warning("%s is not found again yet: %s", held.batch.id, error.message)
            await self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _prepare(self, batch: Batch, at: AtVendor, api: BatchApi, call: Call) -> _Prepared:
        """Every request in the vendor's words, and the most that they may cost. Blocks."""
        model = self._rooms.gateway.runtime.snapshot.config.models.get(at.alias) or _UNSHAPED
        payee, made, now = _Candidate(_Payee(at.provider), at.price_kind, at.model), _Prepared(), now_us()
        bodies: list[tuple[str, Json]] = []
        for item in items_of(self._rooms.files.lines(batch.project_id, batch.input_file_id)):
            try:
                request = request_of(batch.endpoint, item.body, batch.headers)
                if isinstance(request, ChatRequest):
                    request = shaped(request, model, prefixed).request
                sent = request.edited(model=at.model)
                bodies.append((f"{_key(batch)}-{item.number}", api.body(sent)))
            except PilothouseError as error:
                line = refusal_line(batch.id, item, call.request_id, error, batch.endpoint)
                made.refused.append(Result(item.number, line, failed=True))
                continue
            nano, tokens, _ = bound(self._rooms.prices, (payee,), sent, 1, now, output=model.output.default)
            made.nano = None if made.nano is None or nano is None else made.nano + nano
            made.tokens += tokens
        made.count = len(bodies)
        if bodies:
            made.payload = api.payload(_key(batch), batch.endpoint, bodies)
        return made

    def _call(self, batch: Batch) -> Call:
        """The call that sends it. Raises NotSent where its creator may not make it any more."""
        try:
            return self._rooms.call(batch, model=batch.model)
        except AccessError as error:
            raise NotSent(error) from error

    async def _note_sent(self, held: Held, at: AtVendor, vendor_id: str) -> None:
        at.id, at.state = vendor_id, "sent"
        await self._note(held, at)

    async def _note(self, held: Held, at: AtVendor) -> None:
        if not await asyncio.to_thread(self._rooms.leases.note_vendor, held.batch, at.to_json()):
            await held.look()  # tells that it is lost, and ends this
            await asyncio.sleep(0)
        held.batch = replace(held.batch, vendor=at.to_json())

    # ---- waiting and collecting

    async def _until_ended(self, held: Held, at: AtVendor, api: BatchApi) -> VendorBatch:
        assert at.id is not None
        wait = _FIRST_WAIT
        while True:
            try:
                found = await api.look(at.id)
                if found.ended:
                    return found
            except ProviderError as error:
                _log.warning("%s cannot be looked at: %s", held.batch.id, error.message)
            if self._clock() > held.batch.expires_us + _LATE_US:
                return VendorBatch(at.id, "expired")
            await self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _collect(self, held: Held, at: AtVendor, api: BatchApi, found: VendorBatch) -> Ended:
        """Write the results, settle what they cost, and say how it ended."""
        batch, total = held.batch, Sum()
        items = await asyncio.to_thread(self._items, batch)
        for source in found.sources:
            results = api.results(await self._downloaded(held, api, source))
            while rows := await asyncio.to_thread(self._rows, results, items, at, api, batch, total):
                await held.add(rows)
        await held.look()
        await asyncio.sleep(0)  # where the lease is lost this ends here, and another settles
        self.bill.settle(at, batch, total)
        if found.status == "failed":
            unknown = {
                "code": "batch_failed",
                "message": "The provider refused the batch.",
                "line": None,
                "param": None,
            }
            return Ended("failed", list(found.errors) or [unknown])
        if found.status != "cancelled":
            await fail_rest(held, self._rooms, *(EXPIRED if found.status == "expired" else _MISSING))
        return Ended(found.status)

    async def _downloaded(self, held: Held, api: BatchApi, source: str) -> bytes:
        wait = _FIRST_WAIT
        while True:
            try:
                return await api.download(source)
            except ProviderError as error:
                if not error.retryable or self._clock() > held.batch.expires_us + _LATE_US:
                    _log.error("results of %s cannot be fetched: %s", held.batch.id, error.message)
                    return b""
            await self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _items(self, batch: Batch) -> list[Item]:
        """The items by their number, without their bodies. Blocks."""
        lines = self._rooms.files.lines(batch.project_id, batch.input_file_id)
        return [Item(item.number, item.custom_id, {}) for item in items_of(lines)]

    def _rows(
        self, results: Iterator[VendorResult], items: list[Item], at: AtVendor, api: BatchApi, batch: Batch, total: Sum
    ) -> list[Result]:
        """The next results, read and priced; empty at the end. Blocks."""
        rows: list[Result] = []
        for result in islice(results, _PAGE):
            number = result.custom_id.rpartition("-")[2]
            if not number.isdecimal() or int(number) >= len(items):
                _log.warning("%s has a result for '%s', which was not asked", batch.id, result.custom_id[:64])
                continue
            rows.append(self._row(result, items[int(number)], at, api, batch, total))
        return rows

    def _row(self, result: VendorResult, item: Item, at: AtVendor, api: BatchApi, batch: Batch, total: Sum) -> Result:
        request_id = f"req_{at.trace_id}"
        if result.code:
            return Result(item.number, error_line(batch.id, item, result.code, result.message), failed=True)
        try:
            if result.status != 200:
                raise api.failure(result.status, result.body)
            answer = api.read(at.operation, at.model, result.body)
        except ProviderError as error:
            return Result(item.number, refusal_line(batch.id, item, request_id, error, batch.endpoint), failed=True)
        total.add(answer.usage, self.bill.price(at, answer.usage))
        return Result(item.number, answer_line(batch.id, item, request_id, answer.raw), usage=answer.usage)


@dataclass(frozen=True, slots=True)
class _Payee:
    name: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What `bound` asks of a deployment."""

    provider: _Payee
    price_kind: str
    model: str


def _gone(at: AtVendor) -> NotFound:
    return NotFound(f"Provider '{at.provider}', where this batch runs, is no longer configured with a batch API.")


def _key(batch: Batch) -> str:
    """By what the batch is known at the vendor: 32 hex digits."""
    return batch.id.removeprefix("batch_")
