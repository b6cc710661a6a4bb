"""`pilothouse guards calibrate`."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.guards.labelled import bags_of, head_of, read, show

__all__ = ["calibrate"]


@click.command()
@click.argument("guard")
@click.argument("labelled", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fpr", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, help="False positives to allow.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def calibrate(context: Context, /, guard: str, labelled: Path, fpr: float, out: Path, as_json: bool) -> None:
    """Fit a head to labelled texts of your own: its weights, probabilities and threshold.

    GUARD is injection or toxicity, or a file that holds a head. The report tells what the head did before, and what the
    fitted one does on texts that were left out in turn.
    """
    from pilothouse.guards.heads import training  # noqa: PLC0415 - numpy, which the help does not need

    head, examples = head_of(guard), read(labelled)
    with context.looking() as platform:
        bags = bags_of(platform, [one.text for one in examples])
    made, told = training.calibrate(head, examples, bags, fpr)
    made.save(out)
    show(told, as_json=as_json)
    if not as_json:
        click.echo(f"\nWritten to {out}. Name it in a policy of yours: {{use: {made.name}, head: {out}}}")
