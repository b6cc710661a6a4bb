"""The composition root: `build(settings)` makes the whole platform. The only file that knows every room."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from sqlalchemy import select

from pilothouse.access import Audit, Keys, Members, Tenants, new_key
from pilothouse.access.budgets import Budgets
from pilothouse.access.entrance import entrance
from pilothouse.access.limits import Limiter
from pilothouse.agents.approvals import Approvals
from pilothouse.agents.serving import McpGateway
from pilothouse.cache import Caches, Store, open_cache_store
from pilothouse.config import CacheConfig, Config, ProviderConfig
from pilothouse.errors import ConfigError, MissingExtra, PilothouseError
from pilothouse.gateway import Endpoints, Gateway, Router
from pilothouse.gateway.batch.batches import Batching
from pilothouse.gateway.batch.rooms import BatchRooms
from pilothouse.gateway.batch.runner import BatchRunner
from pilothouse.gateway.guarding.watch import guards_models
from pilothouse.gateway.passing.passthrough import PassThrough
from pilothouse.gateway.prompting import Prompting
from pilothouse.gateway.reliability.attempts import Attempts
from pilothouse.gateway.reliability.checks import HealthChecks
from pilothouse.gateway.reliability.health import Health
from pilothouse.gateway.routing.complexity import Complexity
from pilothouse.gateway.routing.plan import Deployment
from pilothouse.gateway.runtime import RuntimeBuilder
from pilothouse.gateway.shadow import Mirror
from pilothouse.gateway.visit import Rooms
from pilothouse.guards.attack.known import KnownAttacks
from pilothouse.lifecycle.live import LiveConfig, Swap, audited
from pilothouse.lifecycle.paying import Payers
from pilothouse.lifecycle.prompting.protection import check_protected
from pilothouse.lifecycle.prompting.rooms import open_prompts
from pilothouse.lifecycle.scoring.rooms import open_scoring
from pilothouse.lifecycle.scoring.rules import check_online
from pilothouse.lifecycle.scoring.scorer import Tools
from pilothouse.lifecycle.sentinel.rooms import open_sentinel
from pilothouse.lifecycle.sentinel.work import check_sentinel
from pilothouse.lifecycle.telling import open_telling
from pilothouse.lifecycle.upkeep import upkeep
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.observe import Drainer, Metrics, PriceOverride, Prices, SpoolRecorder, Traces
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.privacy.discretion import Discretion
from pilothouse.principal import Principal
from pilothouse.protocols import Provider
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.rag import Rag, RagProvider
from pilothouse.settings import Settings
from pilothouse.snapshot import Snapshot
from pilothouse.storage import Jobs, LocalExecutor, SnapshotStore, Spool, open_store
from pilothouse.storage.batch_leases import BatchLeases
from pilothouse.storage.batches import BatchStore
from pilothouse.storage.changes import Changes
from pilothouse.storage.counters import open_counters
from pilothouse.storage.files import FileStore
from pilothouse.storage.responses import ResponseStore

if TYPE_CHECKING:
    from pilothouse.web import Server

__all__ = ["Platform", "build"]

T = TypeVar("T")
_BATCHES_END = 5.0  # seconds at most, of the grace, for the requests of batches that are being asked


class Platform:
    """Every room, wired. `with` it for command-line work, `async with` it to serve.

    Both start the recording of spans and stop it so that nothing recorded is lost. Not `serving`, it is there to look
    at what was kept: a configuration that cannot serve here, for want of a secret, then hinders nobody.
    """

    def __init__(self, settings: Settings, *, serving: bool = True) -> None:
        self.settings = settings
        self._serving = serving
        self._left_stores: list[Store] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._wake: Callable[[], object] | None = None
        self._cleanup = ExitStack()
        try:
            self._build(settings)
        except BaseException:
            self._cleanup.close()
            raise

    def _build(self, settings: Settings) -> None:
        self.store = open_store(settings)
        self._cleanup.callback(self.store.close)
        self.metrics = Metrics()
        self.prices = Prices()
        self._open_access(settings)
        self._open_recording(settings)
        self._open_gateway(settings)
        self.prompts = open_prompts(self.store, self.alerts.book, lambda: self.snapshot.config, self.changes)
        self.gateway.prompting = Prompting(self.prompts.book)
        self._open_scoring()
        self.jobs, self.executor = Jobs(self.store.control), LocalExecutor(self.store.control)
        gateway = self.gateway
        self.rag = Rag(
            settings, gateway.chat, gateway.embed, lambda: self.snapshot.config.rag, self.jobs,
            self._encoder_fingerprint,
        )  # fmt: skip
        self._runtimes.fixed["rag"] = RagProvider("rag", self.rag)
        try:
            self.live.load()
        except (ConfigError, MissingExtra):
            if self._serving:
                raise
        self.kept = ResponseStore(self.store.observe, packer=self.store.packer)
        self.mcp = McpGateway(gateway, Approvals(self.store), lambda: self.snapshot.config.mcp)
        passing = PassThrough(gateway, self._rooms, self.metrics, settings.max_body_bytes)
        self._open_batches(settings)
        batching = Batching(
            self.files, self.batches, self.batch_runner, lambda: self.snapshot.config.batch.max_file_bytes
        )
        self.endpoints = Endpoints(
            gateway, self.door, self.recorder, self.metrics, settings, self.kept, passing, batching
        )

    def _open_access(self, settings: Settings) -> None:
        """Who may call, and how changes made elsewhere are noticed."""
        control = self.store.control
        self.changes = Changes(control)
        self._cleanup.callback(self.changes.close)
        self.keys = Keys(control)
        self.keys.watch(self.changes)
        self.tenants = Tenants(control)
        self.members = Members(control)
        self.audit = Audit(control)
        self.entrance = entrance(settings, self.keys, self.changes)
        self.door = self.entrance.door

    def _open_recording(self, settings: Settings) -> None:
        """Spans on their way to the database, and what they cost whom."""
        down: Literal["open", "closed"] = "open" if settings.redis_down == "open" else "closed"
        self.counters = open_counters(settings)
        self.limiter = Limiter(self.counters, down)
        self.ledger = Ledger(self.store)
        show = self.metrics.pull
        show("gauge", "pilothouse_redis_down", "Whether Redis is away.", lambda: float(self.counters.down))
        unchecked = "Calls that passed unchecked by limits."
        show("counter", "pilothouse_unchecked_calls", unchecked, lambda: self.limiter.unchecked)
        self.telling = open_telling(self.store, self.metrics, lambda: self.snapshot.config, settings.public_url)
        self.alerts, tell = self.telling.alerts, self.telling.alerts.watch.budget
        self.budgets = Budgets(self.counters, self.ledger, on_down=down, metrics=self.metrics, tell=tell)
        self.spool = Spool.open(settings.home, settings.spool_max_bytes, settings.spool_full)
        self._cleanup.callback(self.spool.close)
        self.drainer = Drainer(self.spool, self.store, settings.home, self.metrics, self.budgets.posted)
        self.drainer.written.append(self.telling.exports.queue.put)
        self.discretion = Discretion(self.store.packer, self.metrics)
        self.recorder = SpoolRecorder(self.spool, self.drainer.wake, self.discretion)
        self.traces = Traces(self.store, self.telling.exports.queue.put_scores)

    def _open_gateway(self, settings: Settings) -> None:
        """The path of calls, under an empty configuration until the real one is loaded."""
        self.encode = BatchingEncoder(lambda: Encoder(EncoderStore(settings.models_dir).ensure()))
        self.health = Health()
        self.health_checks = HealthChecks(self.health)
        self.complexity = Complexity(self.encode)
        choose = self.complexity.choose
        make_router = partial(Router, health=self.health, prices=self.prices, room=self._room, choose=choose)
        self._runtimes = RuntimeBuilder(
            fixed={"builtin": BuiltinProvider("builtin", ProviderConfig(), self.encode)},
            make_router=make_router,
            grace=settings.request_timeout,
        )
        empty = self._runtimes.commit(self._runtimes.prepare(Config()), Snapshot(0, Config()))
        self.caches = Caches(open_cache_store(CacheConfig(), settings.home, None), encode=self.encode)
        self._rooms = rooms = Rooms(self.limiter, self.budgets, self.caches, self.prices)
        attempts = Attempts(self.health)
        self.gateway = Gateway(empty, rooms, attempts, self.metrics, capture=settings.capture_payloads)
        self.attacks = KnownAttacks(self.store.control, self.changes)
        self.gateway.models = partial(guards_models, self.gateway.chat, self.encode, self.attacks.of)
        self.mirror = self.gateway.mirror = Mirror(self.gateway.chat, self.limiter, self.encode)
        dropped = "Calls that were not mirrored because too many were."
        self.metrics.pull("counter", "pilothouse_shadow_dropped", dropped, lambda: self.mirror.dropped)
        if settings.config != Settings().config and not settings.config.exists():
            raise ConfigError(f"{settings.config}: there is no such file. `pilothouse init` writes one.")
        snapshots = SnapshotStore(self.store.control, audited=audited)
        self.live = LiveConfig(snapshots, settings.config, self._prepare, notices=self.changes)
        rejected = "Whether a newer configuration could not be served."
        self.metrics.pull("gauge", "pilothouse_config_rejected", rejected, lambda: float(bool(self.live.problem)))

    def _open_batches(self, settings: Settings) -> None:
        """Files and batches, and what works batches off while a server runs."""
        control = self.store.control
        self.files, self.batches = FileStore(control), BatchStore(control)
        self.batch_runner = BatchRunner(
            BatchRooms(
                self.gateway, self.files, BatchLeases(control), self.budgets, self.prices, self.recorder,
                self._principal, lambda: self.metrics.in_flight, settings.request_timeout,
            )
        )  # fmt: skip

    def _open_scoring(self) -> None:
        """What judges traffic and golden calls while a server runs."""
        payers = Payers(self.keys, self.ledger)
        tools = Tools(self.gateway.chat, self.encode, self.recorder, self.budgets, payers)
        self.scoring = open_scoring(self.store, self.traces, tools, self.metrics, lambda: self.snapshot.config.evals)
        self.drainer.written.append(self.scoring.queue.put)
        config, models = lambda: self.snapshot.config, self.settings.models_dir
        self.sentinel = open_sentinel(self.store, self.alerts.book, tools, config, models)

    def _principal(self, key_id: str, project_id: str) -> Principal | None:
        """Who that is now, after every change that was made anywhere."""
        self.changes.check()
        return self.keys.current(key_id, project_id)

    def _room(self, deployment: Deployment) -> float:
        return self.limiter.last_room(deployment.id)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration that serves now."""
        return self.live.snapshot

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The built providers by name."""
        return self.gateway.runtime.providers

    def _prepare(self, config: Config) -> Swap:
        """Build what a configuration needs; the Swap makes it the one that serves. Raises ConfigError."""
        prepared, policies = self._runtimes.prepare(config), self.discretion.prepared(config.privacy)
        if config.cache.store == "redis" and self.settings.redis_url is None:
            raise ConfigError("cache.store: is redis, but PILOTHOUSE_REDIS_URL is not set.", param="cache.store")

        self.telling.check(config)
        check_online(config.evals)
        check_sentinel(config)
        check_protected(config.prompts)

        def swap(snapshot: Snapshot) -> None:
            self.prices.replace(map(PriceOverride.of, config.prices))
            self.recorder.keep_to(policies)
            self.budgets.configure(config)
            if config.cache != self.gateway.runtime.snapshot.config.cache:
                store = open_cache_store(config.cache, self.settings.home, self.settings.redis_url)
                self._left_stores.append(self.caches.move_to(store))
            self.gateway.runtime = self._runtimes.commit(prepared, snapshot)
            if self._wake is not None:
                self._wake()

        return swap

    def first_key(self) -> str | None:
        """The administrator's key when this is the first start and none was chosen: shown once, kept as a hash."""
        if self.settings.master_key:
            self.keys.set_master(self.settings.master_key)
            return None
        if self.keys.has_master():
            return None
        key = new_key()
        self.keys.set_master(key)
        return key

    def server(self, host: str | None = None, port: int | None = None, own: int | None = None) -> "Server":
        """A server, listening but not yet running; see web.Server. Raises ConfigError when the port is taken."""
        from pilothouse.faces import faces  # noqa: PLC0415 - half of the time to import this, and only servers need it
        from pilothouse.web import Root, Server  # noqa: PLC0415

        at = host or self.settings.host, self.settings.port if port is None else port, self.settings.shutdown_grace
        return Server(Root(self, self.endpoints, self.metrics, faces(self)), *at, own=own)

    async def start(self) -> None:
        """What a server needs besides the rooms: background work, and price tables loaded before the first call."""
        self.executor.start()
        await asyncio.to_thread(self.prices.warm)
        with suppress(PilothouseError):  # charge the calls of dead processes first
            await asyncio.to_thread(self.drainer.flush)
        loop, self._reconfigured = asyncio.get_running_loop(), asyncio.Event()
        self._reconfigured.set()
        self._wake = lambda: loop.call_soon_threadsafe(self._reconfigured.set)
        runs = (self.live.run(), self._runtimes.run(), self._follow(), self.batch_runner.run(), self.telling.run())
        up = upkeep(self.store, self.live, self.audit, self.caches, self.changes, self.encode, self.settings.models_dir)
        judging = self.scoring.scorer.run(), self.sentinel.work.run(), self.prompts.run()
        self._tasks = [asyncio.create_task(work) for work in (*runs, up, *judging)]

    async def _follow(self) -> None:
        """Do on the loop what a new configuration asks for there."""
        while True:
            await self._reconfigured.wait()
            self._reconfigured.clear()
            runtime = self.gateway.runtime
            await self.health_checks.watch(runtime.snapshot.config, runtime.providers)
            while self._left_stores:
                await self._left_stores.pop().aclose()

    async def wind_down(self) -> None:
        """Begin no more batches and jobs. Those that run may end within the grace; what has a rest then goes back to
        its queue."""
        self._wake = None
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        grace = self.settings.shutdown_grace
        ended = self.batch_runner.aclose(min(_BATCHES_END, grace)), asyncio.to_thread(self.executor.stop, grace)
        await asyncio.gather(*ended)

    async def stop(self) -> None:
        """End all work, then close what belongs to this event loop."""
        await self.wind_down()
        await self.close_rooms()

    def detail(self) -> str | None:
        """What is not as it should be though this process serves, or None."""
        return "\n".join(filter(None, (self.trouble(), self.live.problem))) or None

    @property
    def process(self) -> str:
        """Names this process among those that serve: its host and number."""
        return f"{socket.gethostname()}/{os.getpid()}"

    @property
    def several(self) -> bool:
        """Whether others may serve beside this process, by what it shares."""
        return bool(self.settings.database_url or self.settings.redis_url)

    def trouble(self) -> str | None:
        """What is away that this process counts with, and what becomes of calls meanwhile; None while all is there."""
        if not self.counters.down:
            return None
        calls = "pass unchecked" if self.settings.redis_down == "open" else "are refused"
        return (
            f"Redis is away. Calls that have limits or budgets {calls} meanwhile (PILOTHOUSE_REDIS_DOWN="
            f"{self.settings.redis_down}); answers that are cached in it are made anew."
        )

    async def _encoder_fingerprint(self) -> str:
        return (await self.encode.ready()).fingerprint

    def unready(self) -> str | None:
        """Why this process should get no traffic, or None."""
        try:
            with self.store.control.connect() as connection:
                connection.execute(select(1))
        except PilothouseError as error:
            return error.message
        return "The spool is full: calls are refused until the database has caught up." if self.spool.is_full else None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run async work of the rooms from a command, on a loop of its own, and close what it opened."""

        async def whole() -> T:
            try:
                return await work
            finally:
                await self.close_rooms()

        return asyncio.run(whole())

    async def close_rooms(self) -> None:
        await self.endpoints.aclose()
        await self.mcp.aclose()
        await self.mirror.aclose()
        await self.telling.aclose()
        await self.health_checks.stop()
        await self._runtimes.aclose()
        await self.caches.aclose()
        await self.caches.entries.aclose()
        with suppress(PilothouseError):  # what it posts to the counters must reach them before they close
            await asyncio.to_thread(self.drainer.flush)
        await self.counters.aclose()
        await self.encode.aclose()

    def __enter__(self) -> Self:
        self.drainer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.drainer.stop()
        self._cleanup.close()


def build(settings: Settings, *, serving: bool = True) -> Platform:
    """The platform for these settings. Raises ConfigError or StorageError with what to do about it."""
    return Platform(settings, serving=serving)
