"""`pilothouse redteam attacks`: the attacks there are, and what can be done to them."""

import click

from pilothouse.cli.context import in_json, plain

__all__ = ["attacks"]


@click.command()
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Only this class; may be repeated.")
@click.option(
    "--mutator", "mutators", multiple=True, metavar="NAME", help="As `redteam run` takes it; none by default."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print whole attacks as JSON.")
def attacks(classes: tuple[str, ...], mutators: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Show attacks as they would be played, and the mutators there are."""
    import msgspec  # noqa: PLC0415 - not for --help

    from pilothouse.redteam.building import Choice, attacks  # noqa: PLC0415
    from pilothouse.redteam.mutators import MUTATORS  # noqa: PLC0415

    made = attacks(Choice(classes=classes, mutators=mutators or ("none",), seed=seed, harmless=False))
    if as_json:
        click.echo(in_json([msgspec.to_builtins(one) for one in made]))
        return
    for one in made:
        click.echo(plain(f"{one.id}\n    {' '.join(one.text.split())}"))
    click.echo("\nMutators:")
    for name, mutator in MUTATORS.items():
        click.echo(f"  {name:<13} {mutator.kind:<9} {mutator.about}")
