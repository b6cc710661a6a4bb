"""`pilothouse retention`: what is too old, and letting it go now."""

import json
from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context

__all__ = ["retention"]


@click.group()
def retention() -> None:
    """What is kept for how long (`retention` in the configuration). A server sees to it by itself, hourly."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@as_json
@pass_context
def run(context: Context, dry_run: bool, as_json: bool) -> None:
    """Delete what is too old, in small steps beside a running server."""
    from pilothouse.observe.privacy.retention import Gone, Retention  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        ages, kept = platform.snapshot.config.retention, Retention(platform.store)
        gone = Gone()
        if dry_run:
            gone = kept.plan(ages)
        else:
            for step in kept.run(ages):
                gone.add(step)
    if as_json:
        click.echo(json.dumps(asdict(gone), indent=2))
        return
    days = {name: f"{number} days" if number else "for ever" for name, number in ages.model_dump().items()}
    click.echo(f"Kept: payloads {days['payloads']}, spans {days['spans']}, rollups {days['rollups']},"
               f" runs of evaluation {days['eval_runs']}, their answers {days['eval_answers']}.")  # fmt: skip
    went = "would go" if dry_run else "gone"
    megabytes = f"{gone.bytes / 1e6:.1f} MB"
    click.echo(f"Payloads {went}: {gone.days} whole days ({megabytes}), {gone.bodies} single ones.")
    click.echo(f"Vectors of questions {went}: {gone.questions}.")
    click.echo(f"Traces {went}: {gone.traces}, with {gone.spans} spans and {gone.scores} scores.")
    click.echo(f"Rollups {went}: {gone.rollups} rows.")
    click.echo(f"Runs of evaluation {went}: {gone.runs}; answers that were paid for in them: {gone.answers}.")
