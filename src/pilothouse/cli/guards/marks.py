"""`pilothouse guards marks`."""

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain

__all__ = ["marks"]


@click.command()
@click.argument("guard")
@click.option("--project", default="default", show_default=True, help="The project.")
@click.option("--right", type=click.FloatRange(0, 1), default=0.8, show_default=True, help="The share to aim at.")
@as_json
@pass_context
def marks(context: Context, /, guard: str, project: str, right: float, as_json: bool) -> None:
    """Say what people's marks tell of GUARD: how often its triggers were right, by their score.

    The chances are an isotonic fit of the marks. The threshold is the lowest score whose triggers are right as often as
    you aim at. Marks tell of what triggered alone: of what a guard missed they say nothing.
    """
    from pilothouse.observe.triggers import Triggers  # noqa: PLC0415 - not needed for the help
    from pilothouse.stats.calibrating import Isotonic  # noqa: PLC0415

    with context.looking() as platform:
        found = [*Triggers(platform.store).marked(project, guard)]
    scored = [(one.score, one.right) for one in found if one.score is not None]
    steps = Isotonic.fit([s for s, _ in scored], [r for _, r in scored]) if scored else Isotonic((), ())
    reached = [score for score, chance in zip(*steps, strict=True) if chance >= right]
    told = {
        "guard": guard, "marked": len(found), "right": sum(one.right for one in found), "scored": len(scored),
        "scores": [*steps.at], "chances": [*steps.value], "threshold": min(reached, default=None),
    }  # fmt: skip
    if as_json:
        click.echo(in_json(told))
        return
    click.echo(f"{told['right']} of {len(found)} marked triggers of '{plain(guard)}' were right.")
    for score, chance in zip(*steps, strict=True):
        click.echo(f"  at a score of {score:.3f}: right in {chance:.0%}")
    if scored:
        said = f"{told['threshold']:.3f}" if reached else "none that was marked"
        click.echo(f"Right in {right:.0%} from this threshold on: {said}.")
