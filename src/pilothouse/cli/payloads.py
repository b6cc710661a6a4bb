"""`pilothouse payloads`: keys for what spans hold, and sealing it with a new one."""

import click

from pilothouse.cli.context import Context, pass_context

__all__ = ["payloads"]


@click.group()
def payloads() -> None:
    """Inputs and outputs as they are kept: a key for them, sealing them with a new key."""


@payloads.command()
def key() -> None:
    """Print a new random key for PILOTHOUSE_PAYLOAD_KEY. To rotate, put it before the old one, with a comma between."""
    from pilothouse.storage.keyring import new_key  # noqa: PLC0415 - not for --help

    click.echo(new_key())


@payloads.command()
@pass_context
def rotate(context: Context) -> None:
    """Seal everything that is kept with the newest key, also what was kept before there was one.

    Runs beside a server, in small steps. Cut off, it goes on where it stood. Once it is done the old key can go.
    """
    from rich.console import Console  # noqa: PLC0415 - rich costs 20 ms that --help does not need
    from rich.progress import Progress  # noqa: PLC0415

    from pilothouse.storage import open_store  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.storage.rotation import Rotation  # noqa: PLC0415

    store = open_store(context.settings)
    try:
        rotation = Rotation(store)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Sealing", total=rotation.pending())
            done = rotation.run(lambda count: progress.advance(task, count))
    finally:
        store.close()
    click.echo(f"{done.sealed} sealed with the newest key.")
    if done.unreadable:
        raise click.ClickException(
            f"{done.unreadable} could not be opened with any key of PILOTHOUSE_PAYLOAD_KEY and stay as they are."
        )
