"""The course of a batch in this process: claim, check, work off in one of the two lanes, write the files, end.

Any number of processes may share the database; a lease gives each batch to one of them, and to another when that one
stops or dies. Knows nothing of HTTP.
"""

import asyncio
import logging
from collections.abc import Iterator
from itertools import islice

from pilothouse.call import Call
from pilothouse.errors import NotFound, PilothouseError, StorageError
from pilothouse.gateway.batch.bill import AtVendor, Bill
from pilothouse.gateway.batch.choice import choose
from pilothouse.gateway.batch.hold import Ended, Held, unbroken
from pilothouse.gateway.batch.lines import Checked, check_items, items_of
from pilothouse.gateway.batch.own import Gate, OwnLane
from pilothouse.gateway.batch.rooms import BatchRooms
from pilothouse.gateway.batch.vendor import NotSent, VendorLane
from pilothouse.principal import EMBEDDED
from pilothouse.storage.batches import Batch
from pilothouse.storage.files import FileWriter
from pilothouse.storage.trouble import Trouble
from pilothouse.types import Json

__all__ = ["BatchRunner"]

_log = logging.getLogger("pilothouse.gateway")
_AT_ONCE = 8  # batches of our own lane in one process
_MOST = 500  # batches in one process; nearly all of them wait at a vendor
_LOOK_EVERY = 2.0  # seconds between two looks for batches that other processes made or left
_AFTER_FAILURE = 5.0
_PURGE_EVERY = 600.0
_LOOKED_AT = 64  # items, of which the first good one says how the batch is routed
_RESULTS_KEPT = 30 * 86_400.0  # seconds, as at OpenAI


class BatchRunner:
    """`run` it as a task; `aclose` ends the work, which another process, or this one started again, goes on with."""

    def __init__(self, rooms: BatchRooms) -> None:
        r = self._rooms = rooms
        self.gate = Gate(lambda: r.gateway.runtime.snapshot.config.batch, r.live)
        self._own = OwnLane(r, self.gate)
        self._vendor = VendorLane(r, Bill(r.budgets, r.prices, r.recorder))
        self._working: dict[asyncio.Task[None], Held] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something new to look at: a batch was made, or cancelled."""
        self._woken.set()

    def cancelled(self, project_id: str, batch_id: str) -> None:
        """Stop the work on a batch that was cancelled, where it goes on in this process."""
        for held in list(self._working.values()):
            if (held.batch.project_id, held.batch.id) == (project_id, batch_id):
                held.note("cancel")
        self.wake()

    async def run(self) -> None:
        """Work batches off until cancelled."""
        loop, trouble = asyncio.get_running_loop(), Trouble(_log)
        purge_at = loop.time()
        while True:
            self._woken.clear()
            try:
                if loop.time() >= purge_at:
                    purge_at = loop.time() + _PURGE_EVERY
                    await asyncio.to_thread(self._rooms.files.purge)
                await self._claim()
                trouble.over()
            except StorageError as error:
                trouble.note("batches cannot be looked for: %s", error.message)
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def aclose(self, grace: float = 5.0) -> None:
        """Begin nothing more, wait `grace` seconds for the requests that are being asked, and let the batches go."""
        await asyncio.sleep(0)  # a task that is cancelled before it has begun would let nothing go
        if self._working:
            await self.gate.close(grace)
        tasks = list(self._working)
        for task in tasks:
            task.cancel()
        late = (await asyncio.wait(tasks, timeout=grace))[1] if tasks else set()
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self) -> None:
        while len(self._working) < _MOST and self._ours() < _AT_ONCE:
            if not await unbroken(self._begin_next()):
                return

    async def _begin_next(self) -> bool:
        batch = await asyncio.to_thread(self._rooms.leases.claim)
        if batch is None:
            return False
        held = Held(self._rooms.leases, batch)
        task = asyncio.create_task(self._work(held))
        self._working[task] = held
        task.add_done_callback(self._done)
        return True

    def _ours(self) -> int:
        return sum(held.batch.lane != "vendor" for held in self._working.values())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.pop(task, None)
        self.wake()

    async def _work(self, held: Held) -> None:
        """One batch, as far as it gets here."""
        try:
            ended = None if held.standing == "cancel" else await held.run(self._process(held))
            if held.standing == "cancel":
                await held.run(self._stop(held), stoppable=False)
                ended = Ended("cancelled")
            if ended is not None and held.standing != "lost":
                await held.run(self._finish(held, ended), stoppable=False)
        except StorageError as error:
            _log.warning("%s is tried again: %s", held.batch.id, error.message)
            await asyncio.sleep(_AFTER_FAILURE)
        except Exception as error:  # noqa: BLE001 - one batch that goes wrong does not stop the others
            _log.error("%s is tried again", held.batch.id, exc_info=error)
            await asyncio.sleep(_AFTER_FAILURE)
        finally:
            self._vendor.bill.forget(held.batch)
            await asyncio.shield(asyncio.to_thread(self._release, held.batch))

    def _release(self, batch: Batch) -> None:
        try:
            self._rooms.leases.release(batch)
        except StorageError as error:  # the lease runs out by itself
            _log.warning("%s is not released: %s", batch.id, error.message)

    async def _process(self, held: Held) -> Ended | None:
        if held.batch.status == "validating":
            errors = await self._begin(held)
            if errors:
                return Ended("failed", errors)
        if held.batch.lane == "vendor":
            try:
                return await self._vendor.run(held)
            except NotSent as refusal:
                ended = await self._not_sent(held, refusal.error)
                if ended is not None:
                    return ended
        return await self._own.run(held)

    async def _begin(self, held: Held) -> list[Json]:
        """Check the input and choose a lane; gives what is wrong with it."""
        batch = held.batch
        checked = await asyncio.to_thread(self._check, batch)
        if checked.errors:
            return checked.errors
        principal = self._rooms.resolve(batch.key_id, batch.project_id) or EMBEDDED
        call = Call(self._rooms.recorder, principal, batch.project_id, metadata={"batch": batch.id})
        lines = self._rooms.files.lines(batch.project_id, batch.input_file_id)
        items = await asyncio.to_thread(lambda: list(islice(items_of(lines), _LOOKED_AT)))
        choice = choose(self._rooms.gateway, batch.endpoint, checked, items, call)
        if choice.errors:
            return list(choice.errors)
        model = next(iter(checked.models)) if len(checked.models) == 1 else None
        vendor = None if choice.vendor is None else choice.vendor.to_json()
        await self._enter(held, checked.total, model, choice.lane, vendor)
        return []

    async def _enter(self, held: Held, total: int, model: str | None, lane: str, vendor: Json | None) -> None:
        begun = await asyncio.to_thread(self._rooms.leases.begin, held.batch, total, model, lane, vendor)
        if begun is None:
            await held.look()  # lost or cancelled: ends this
            await asyncio.sleep(0)
        else:
            held.batch = begun

    def _check(self, batch: Batch) -> Checked:
        try:
            self._rooms.files.get(batch.project_id, batch.input_file_id, expired=True)
        except NotFound as error:
            checked = Checked()
            checked.note("invalid_input_file", error.message, param="input_file_id")
            return checked
        return check_items(self._rooms.files.lines(batch.project_id, batch.input_file_id), batch.endpoint)

    async def _not_sent(self, held: Held, error: PilothouseError) -> Ended | None:
        """How a batch ends that the vendor will not have; None where it is to be worked off here instead."""
        batch, at = held.batch, AtVendor.of(held.batch)
        if at.auto and at.id is None and error.code in _ELSEWHERE:
            _log.warning("%s runs here, since '%s' will not have it: %s", batch.id, at.provider, error.message)
            await self._enter(held, batch.total, batch.model, "own", None)
            return None
        return Ended("failed", [{"code": error.code, "message": error.message, "line": None, "param": None}])

    async def _stop(self, held: Held) -> None:
        if held.batch.lane == "vendor":
            try:
                await self._vendor.stop(held)
            except NotSent as refusal:
                _log.warning("%s is cancelled here alone: %s", held.batch.id, refusal.error.message)

    async def _finish(self, held: Held, ended: Ended) -> None:
        """Write the files, then end it: they are seen in the same moment."""
        leases = self._rooms.leases
        if ended.status != "cancelled":
            await asyncio.to_thread(leases.finalizing, held.batch)
        output, error = await asyncio.to_thread(self._write, held.batch)
        written = [writer for writer in (output, error) if writer is not None]
        if not await asyncio.to_thread(leases.finish, held.batch, ended.status, output, error, ended.errors):
            for writer in written:
                await asyncio.to_thread(writer.discard)

    def _write(self, batch: Batch) -> tuple[FileWriter | None, FileWriter | None]:
        """(output file, error file), flushed; None where there is nothing to be in it."""
        leases = self._rooms.leases
        return (
            self._written(batch, "output", leases.lines(batch, failed=False)),
            self._written(batch, "error", leases.lines(batch, failed=True)),
        )

    def _written(self, batch: Batch, kind: str, lines: Iterator[bytes]) -> FileWriter | None:
        writer: FileWriter | None = None
        for line in lines:
            if writer is None:
                name = f"{batch.id}_{kind}.jsonl"
                writer = self._rooms.files.begin(batch.project_id, "batch_output", name)
                writer.keep_s = _RESULTS_KEPT
            writer.add(line + b"\n")
            if writer.full:
                writer.flush()
        if writer is not None:
            writer.flush(last=True)
        return writer


_ELSEWHERE = ("provider_error", "provider_auth", "invalid_request_error", "not_found", "unsupported")
"""Refusals of a vendor's batch API after which the requests may still be answered one by one."""
