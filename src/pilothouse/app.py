"""The composition root: `build(settings)` makes the whole platform. The only file that knows every room."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, Self, TypeVar

from sqlalchemy import select

from pilothouse.access import Keys, Sessions, new_key
from pilothouse.api.jobs import routes as jobs_routes
from pilothouse.api.management import management
from pilothouse.api.rag import routes as rag_routes
from pilothouse.api.traces import routes
from pilothouse.config import Config, ProviderConfig
from pilothouse.console import mount_console
from pilothouse.errors import ConfigError, MissingExtra, PilothouseError
from pilothouse.gateway import Endpoints, Gateway, Router
from pilothouse.models import BatchingEncoder, Encoder, EncoderStore
from pilothouse.observe import Drainer, Metrics, Prices, SpoolRecorder, Traces
from pilothouse.plugins import Registry
from pilothouse.protocols import Encode, Provider
from pilothouse.providers.builtin import BuiltinProvider
from pilothouse.rag import Rag, RagProvider
from pilothouse.settings import Settings
from pilothouse.snapshot import Snapshot, read_config
from pilothouse.storage import Jobs, LocalExecutor, SnapshotStore, Spool, open_store
from pilothouse.storage.responses import ResponseStore
from pilothouse.web import Root, Server

__all__ = ["Platform", "build"]

T = TypeVar("T")


class Platform:
    """Every room, wired. `with` it for command-line work, `async with` it to serve.

    Both start the recording of spans and stop it so that nothing recorded is lost.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._cleanup = ExitStack()
        try:
            self._build(settings)
        except BaseException:
            self._cleanup.close()
            raise

    def _build(self, settings: Settings) -> None:
        self.store = open_store(settings)
        self._cleanup.callback(self.store.close)
        self.snapshot = self._current_snapshot()
        self.keys = Keys(self.store.control)
        self.metrics = Metrics()
        self.prices = Prices()
        self.spool = Spool.open(settings.home, settings.spool_max_bytes, settings.spool_full)
        self._cleanup.callback(self.spool.close)
        self.drainer = Drainer(self.spool, self.store, settings.home, self.metrics)
        self.recorder = SpoolRecorder(self.spool, self.drainer.wake)
        self.traces = Traces(self.store)
        self.jobs = Jobs(self.store.control)
        self.executor = LocalExecutor(self.store.control)
        self.encode = BatchingEncoder(lambda: Encoder(EncoderStore(settings.models_dir).ensure()))
        self.providers = _make_providers(self.snapshot.config, self.encode)
        self.gateway = Gateway(
            Router(self.snapshot, self.providers), self.prices, self.metrics, capture=settings.capture_payloads
        )
        self.rag = Rag(
            settings,
            self.gateway.chat,
            self.gateway.embed,
            lambda: self.snapshot.config.rag,
            self.jobs,
            self._encoder_fingerprint,
        )
        self.providers["rag"] = RagProvider("rag", self.rag)
        kept = ResponseStore(self.store.observe)
        self.endpoints = Endpoints(self.gateway, self.keys, self.recorder, self.metrics, settings, kept)

    def _current_snapshot(self) -> Snapshot:
        """The YAML file is one author: a changed file becomes the next Snapshot; without one the last stays."""
        snapshots, path = SnapshotStore(self.store.control), self.settings.config
        if path.exists():
            return snapshots.put(read_config(path), author=str(path), source="file")
        if path != Settings().config:
            raise ConfigError(f"{path}: there is no such file. `pilothouse init` writes one.")
        return snapshots.current() or Snapshot(0, Config())

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

    def server(self, host: str | None = None, port: int | None = None) -> Server:
        """A server on one port, listening but not yet running. Raises ConfigError when the port is taken."""
        routers = [routes(self.traces), rag_routes(self.rag, self.gateway.chat, self.recorder), jobs_routes(self.jobs)]
        app = management(routers, self.keys, self.settings.max_body_bytes)
        mount_console(app, self.traces, Sessions(self.keys))
        root = Root(self, self.endpoints, self.metrics, app)
        chosen = self.settings.port if port is None else port
        return Server(root, host or self.settings.host, chosen, self.settings.shutdown_grace)

    async def start(self) -> None:
        """What a server needs besides the rooms: background jobs, and price tables loaded before the first call."""
        self.executor.start()
        await asyncio.to_thread(self.prices.warm)

    async def stop(self) -> None:
        """Let running jobs go back to the queue, then close what belongs to this event loop."""
        await asyncio.to_thread(self.executor.stop, self.settings.shutdown_grace)
        await self.endpoints.aclose()
        await self._close_rooms()

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
                await self._close_rooms()

        return asyncio.run(whole())

    async def _close_rooms(self) -> None:
        for provider in self.providers.values():
            await provider.aclose()
        await self.encode.aclose()

    def __enter__(self) -> Self:
        self.drainer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.drainer.stop()
        self._cleanup.close()


def _make_providers(config: Config, encode: Encode) -> dict[str, Provider]:
    """Every configured provider, built by its plugin; `builtin` is always there."""
    registry = Registry("pilothouse.providers")
    made: dict[str, Provider] = {"builtin": BuiltinProvider("builtin", ProviderConfig(), encode)}
    for name, settings in config.providers.items():
        try:
            made[name] = registry.get(settings.kind or name)(name, settings)
        except MissingExtra:
            raise
        except ConfigError as error:
            where = "" if error.param else f"providers.{name}.kind: "
            raise ConfigError(f"{where}{error.message}", param=error.param) from error
    return made


def build(settings: Settings) -> Platform:
    """The platform for these settings. Raises ConfigError or StorageError with what to do about it."""
    return Platform(settings)
