"""`pilothouse check`: does the configuration hold, and is what it needs at hand?"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.config import Config
from pilothouse.errors import PilothouseError
from pilothouse.lifecycle.sanity import concerns
from pilothouse.models import EncoderStore
from pilothouse.plugins import Registry
from pilothouse.protocols import Provider
from pilothouse.settings import Settings, unknown_variables
from pilothouse.snapshot import read_config
from pilothouse.storage import SnapshotStore, open_store
from pilothouse.yamlfile import YamlFile

__all__ = ["check"]

ONLINE_TIMEOUT = 10.0  # seconds for a provider to list its models


@dataclass(frozen=True, slots=True)
class _Finding:
    subject: str
    result: str
    detail: str


@click.command()
@click.option("--online", is_flag=True, help="Also ask each provider for its models.")
@as_json
@pass_context
def check(context: Context, online: bool, as_json: bool) -> int:
    """Check the configuration, the database, the encoder and the providers. Exit code 1 when there is a problem.

    A warning is about what works and can hardly be meant.
    """
    findings = list(_findings(context.settings, online))
    rows = [asdict(f) for f in findings]
    show_rows(rows, ["subject", "result", "detail"], as_json=as_json, empty="Nothing to check.")
    return 1 if any(f.result == "problem" for f in findings) else 0


def _findings(settings: Settings, online: bool) -> Iterator[_Finding]:
    yield from (_Finding("environment", "problem", sentence) for sentence in unknown_variables(os.environ))
    config, told = _configuration(settings)
    yield from told
    if config.alerts.enabled and config.alerts.channels and settings.public_url is None:
        yield _Finding("alerts", "warning", "messages lead to no traces while PILOTHOUSE_PUBLIC_URL is not set")
    yield from _database(settings, config)
    files = EncoderStore(settings.models_dir).list()
    ready = any(row.state == "ready" for row in files)
    yield _Finding("encoder", "ok", "ready" if ready else "fetched at first use (pilothouse models pull)")
    yield from asyncio.run(_providers(config, online))


def _configuration(settings: Settings) -> tuple[Config, list[_Finding]]:
    """The file's configuration, empty where it cannot be had, and what is to be said of it."""
    path = settings.config
    if not path.exists():
        return Config(), [_Finding("configuration", "ok", f"no {path}: the built-in models alone (pilothouse init)")]
    try:
        text = path.read_text(encoding="utf-8")
        config = read_config(path, text)
    except (OSError, UnicodeDecodeError):
        return Config(), [_Finding("configuration", "problem", f"{path}: cannot be read as UTF-8 text")]
    except PilothouseError as error:
        return Config(), [_Finding("configuration", "problem", line) for line in error.message.splitlines()]
    file = YamlFile(path, text)
    found = [_Finding("configuration", "ok", f"{path}: models {', '.join(config.models) or 'none'}")]
    for concern in concerns(config, settings):
        key = ".".join(map(str, concern.place))
        detail = f"{path}:{file.line(concern.place)}: {key}: {concern.text}"
        found.append(_Finding("configuration", "problem" if concern.grave else "warning", detail))
    return config, found


def _database(settings: Settings, config: Config) -> Iterator[_Finding]:
    """Whether it can be used, and whether the file is what serves."""
    try:
        store = open_store(settings)
    except PilothouseError as error:
        yield _Finding("database", "problem", error.message)
        return
    try:
        yield _Finding("database", "ok", "PILOTHOUSE_DATABASE_URL" if settings.database_url else str(settings.home))
        newest = next(iter(SnapshotStore(store.control).history(limit=1)), None)
        if newest is not None and newest.source != "file" and settings.config.exists():
            current = SnapshotStore(store.control).read(newest.number)
            if current.config != config:
                detail = f"{newest.number} by {newest.author} ({newest.source}) serves, not {settings.config}"
                yield _Finding("snapshot", "warning", f"{detail}: see pilothouse config push")
    except PilothouseError as error:
        yield _Finding("snapshot", "problem", error.message)
    finally:
        store.close()


async def _providers(config: Config, online: bool) -> list[_Finding]:
    registry, findings = Registry("pilothouse.providers"), []
    for name, settings in config.providers.items():
        provider: Provider | None = None
        try:
            provider = registry.get(settings.kind or name)(name, settings)
            detail = "configured"
            if online:
                async with asyncio.timeout(ONLINE_TIMEOUT):
                    detail = f"{len(await provider.models())} models"
            findings.append(_Finding(f"provider {name}", "ok", detail))
        except (PilothouseError, TimeoutError) as error:
            findings.append(_Finding(f"provider {name}", "problem", str(error) or "no answer in time"))
        finally:
            if provider is not None:
                await provider.aclose()
    return findings
