"""`pilothouse up`: start the platform and serve until told to stop, in one process or in several."""

import logging
import sys

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.workers import claim, keep_running, report
from pilothouse.errors import ConfigError

__all__ = ["up"]


@click.command()
@click.option("--host", help="Address to listen on (PILOTHOUSE_HOST, default 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for a free one (PILOTHOUSE_PORT, default 8484)."
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True,
    help="Processes that share the port; several need PILOTHOUSE_REDIS_URL. Each also has one of the next ports.",
)  # fmt: skip
@click.option("--own-port", type=click.IntRange(0, 65535), hidden=True, help="As one of several: a port of its own.")
@pass_context
def up(context: Context, host: str | None, port: int | None, workers: int, own_port: int | None) -> int:
    """Start the platform: gateway, console and API on one port."""
    if workers > 1:
        return _several(context, host, port, workers)
    with context.platform() as platform:
        server = platform.server(host, port, own_port)
        if own_port is None:
            _tell(server.address, platform.first_key())
        else:
            report()
        _tell_of_configurations()
        server.run()
    return 0


def _several(context: Context, host: str | None, port: int | None, count: int) -> int:
    """What cannot be served is told by this process, before there are others."""
    settings = context.settings
    if not settings.redis_url:
        raise ConfigError(
            "Several workers count limits and budgets together in Redis: set PILOTHOUSE_REDIS_URL, or start one worker."
        )
    with context.platform() as platform:
        key = platform.first_key()
    host = host or settings.host
    with claim(host, settings.port if port is None else port) as shared:
        own = [shared + n if port != 0 else 0 for n in range(1, count + 1)]
        if own[-1] > 65535:
            raise ConfigError(f"{count} workers need as many ports after {shared}, too. Choose another with --port.")
        command = [sys.executable, "-m", "pilothouse", "up", "--host", host, "--port", str(shared), "--own-port"]

        def begun() -> None:
            _tell(f"http://[{host}]:{shared}" if ":" in host else f"http://{host}:{shared}", key)
            if own[0]:
                click.echo(f"  One worker each        ports {own[0]} to {own[-1]}, for /metrics and /api/health")

        return keep_running([[*command, str(each)] for each in own], settings, begun)


def _tell_of_configurations() -> None:
    """On standard error: which configuration serves from now on, and why another does not."""
    log = logging.getLogger("pilothouse.config")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)


def _tell(address: str, key: str | None) -> None:
    click.echo(f"Pilothouse is up at {address}")
    click.echo(f"  OpenAI-compatible API  {address}/v1")
    click.echo(f"  Console                {address}/console")
    if key is not None:
        click.echo(f"  Administrator's key    {key}   (shown once; set PILOTHOUSE_MASTER_KEY to choose your own)")
