"""`pilothouse guards report`."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.guards.labelled import bags_of, head_of, read, show

__all__ = ["report"]


@click.command()
@click.argument("guard")
@click.argument("labelled", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--threshold", type=click.FloatRange(0, 1), help="In place of the head's own.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def report(context: Context, /, guard: str, labelled: Path, threshold: float | None, as_json: bool) -> None:
    """Say how well a head tells labelled texts. Use texts that it was not trained on.

    GUARD is injection or toxicity, or a file that holds a head.
    """
    import numpy as np  # noqa: PLC0415 - not needed for the help

    from pilothouse.guards.heads import training  # noqa: PLC0415

    head, examples = head_of(guard), read(labelled)
    with context.looking() as platform:
        scores = training.bag_scores(head, bags_of(platform, [one.text for one in examples]))
    labels = np.array([float(one.label) for one in examples])
    show(training.report(scores, labels, head.threshold if threshold is None else threshold), as_json=as_json)
