"""`pilothouse up`: start the platform and serve until told to stop."""

import click

from pilothouse.cli.context import Context, pass_context

__all__ = ["up"]


@click.command()
@click.option("--host", help="Address to listen on (PILOTHOUSE_HOST, default 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for a free one (PILOTHOUSE_PORT, default 8484)."
)
@pass_context
def up(context: Context, host: str | None, port: int | None) -> None:
    """Start the platform: gateway, console and API on one port."""
    with context.platform() as platform:
        server = platform.server(host, port)
        key = platform.first_key()
        click.echo(f"Pilothouse is up at {server.address}")
        click.echo(f"  OpenAI-compatible API  {server.address}/v1")
        click.echo(f"  Console                {server.address}/console")
        if key is not None:
            click.echo(f"  Administrator's key    {key}   (shown once; set PILOTHOUSE_MASTER_KEY to choose your own)")
        server.run()
