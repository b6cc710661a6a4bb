"""`pilothouse guards train`."""

from pathlib import Path

import click

from pilothouse.cli.context import Context, pass_context
from pilothouse.cli.guards.labelled import bags_of, read, show

__all__ = ["train"]


@click.command()
@click.argument("labelled", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="injection", show_default=True, help="What the head is called.")
@click.option("--fpr", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, help="False positives to allow.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def train(context: Context, /, labelled: Path, name: str, fpr: float, out: Path, as_json: bool) -> None:
    """Train a head on labelled texts alone. The report is on texts that were left out in turn."""
    from pilothouse.guards.heads import training  # noqa: PLC0415 - numpy, which the help does not need

    examples = read(labelled)
    with context.looking() as platform:
        bags = bags_of(platform, [one.text for one in examples])
    head, told = training.train(name, examples, bags, fpr)
    head.save(out)
    show(told, as_json=as_json)
    if not as_json:
        click.echo(f"\nWritten to {out}. Name it in a policy: {{use: {name}, head: {out}}}")
