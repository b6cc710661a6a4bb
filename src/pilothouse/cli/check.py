"""`pilothouse check`: does the configuration hold, and is what it needs at hand?"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.config import Config
from pilothouse.errors import PilothouseError
from pilothouse.models import EncoderStore
from pilothouse.plugins import Registry
from pilothouse.protocols import Provider
from pilothouse.settings import Settings, unknown_variables
from pilothouse.snapshot import read_config
from pilothouse.storage import open_store

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
    """Check the configuration, the database, the encoder and the providers. Exit code 1 when there is a problem."""
    findings = list(_findings(context.settings, online))
    rows = [asdict(f) for f in findings]
    show_rows(rows, ["subject", "result", "detail"], as_json=as_json, empty="Nothing to check.")
    return 1 if any(f.result == "problem" for f in findings) else 0


def _findings(settings: Settings, online: bool) -> Iterator[_Finding]:
    yield from (_Finding("environment", "problem", sentence) for sentence in unknown_variables(os.environ))
    config = Config()
    if settings.config.exists():
        try:
            config = read_config(settings.config)
            yield _Finding("configuration", "ok", f"{settings.config}: models {', '.join(config.models) or 'none'}")
        except PilothouseError as error:
            yield from (_Finding("configuration", "problem", line) for line in error.message.splitlines())
    else:
        yield _Finding("configuration", "ok", f"no {settings.config}: the built-in models alone (pilothouse init)")
    try:
        open_store(settings).close()
        yield _Finding("database", "ok", "PILOTHOUSE_DATABASE_URL" if settings.database_url else str(settings.home))
    except PilothouseError as error:
        yield _Finding("database", "problem", error.message)
    files = EncoderStore(settings.models_dir).list()
    ready = any(row.state == "ready" for row in files)
    yield _Finding("encoder", "ok", "ready" if ready else "fetched at first use (pilothouse models pull)")
    yield from asyncio.run(_providers(config, online))


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
