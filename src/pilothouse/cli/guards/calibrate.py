"""`pilothouse guards calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, in_json, pass_context
from pilothouse.cli.guards.labelled import bags_of, head_of, read, show
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["calibrate"]


@click.command()
@click.argument("guard")
@click.argument("labelled", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fpr", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, help="False positives to allow.")
@click.option("--marked", help="In place of LABELLED: triggers that people marked, of the guard of this name.")
@click.option("--wrong", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Wrong triggers to allow.")
@click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="Whose marks.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def calibrate(
    context: Context, /, guard: str, labelled: Path | None, fpr: float, marked: str | None, wrong: float, project: str,
    out: Path, as_json: bool,
) -> None:  # fmt: skip
    """Fit a head to labelled texts of your own: its weights, probabilities and threshold.

    GUARD is injection or toxicity, or a file that holds a head. The report tells what the head did before, and what the
    fitted one does on texts that were left out in turn. With --marked only the threshold is raised, so far that at most
    the share --wrong of the triggers that people marked as right or wrong was wrong.
    """
    from pilothouse.guards.heads import training  # noqa: PLC0415 - numpy, which the help does not need

    if (labelled is None) == (marked is None):
        raise click.UsageError("Give a file of LABELLED texts, or --marked to take what people marked here.")
    head = head_of(guard)
    with context.looking() as platform:
        if marked is not None:
            made, told = training.raised(head, _marks(platform, project, marked), wrong)
        else:
            examples = read(Path(str(labelled)))
            made, told = training.calibrate(head, examples, bags_of(platform, [one.text for one in examples]), fpr)
    made.save(out)
    if marked is None:
        show(told, as_json=as_json)
    else:
        click.echo(in_json(told) if as_json else _raised(told))
    if not as_json:
        click.echo(f"\nWritten to {out}. Name it in a policy of yours: {{use: {made.name}, head: {out}}}")


def _marks(platform: "Platform", project: str, guard: str) -> list[tuple[float, bool]]:
    from pilothouse.observe.triggers import Triggers  # noqa: PLC0415 - heavy, and not for --help

    return [(one.score, one.right) for one in Triggers(platform.store).marked(project, guard) if one.score is not None]


def _raised(told: Json) -> str:
    kept = "unknown" if told["right_kept"] is None else f"{told['right_kept']:.1%}"
    return (
        f"{told['marks']} triggers were marked, {told['right']} as right\n"
        f"threshold       {told['threshold_before']:.4g} -> {told['threshold']:.4g}\n"
        f"wrong triggers  {told['wrong_before']:.1%} -> {told['wrong']:.1%}\n"
        f"right ones kept {kept}"
    )
