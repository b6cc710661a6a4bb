"""`pilothouse traces delete`: what is kept of a user, or one trace, for good."""

import json
from dataclasses import asdict

import click

from pilothouse.cli.context import Context, as_json, pass_context, plain
from pilothouse.cli.options import me

__all__ = ["delete"]


@click.command()
@click.option("--user", help="Every trace in which this user took part.")
@click.option("--trace", help="The trace of this id, whole.")
@click.option("--project", default="default", show_default=True, help="The project.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@pass_context
def delete(context: Context, user: str | None, trace: str | None, project: str, yes: bool, as_json: bool) -> None:
    """Delete traces for good: spans, inputs and outputs, scores, and what is on its way. The audit log notes it.

    Sums by hour and day stay, but for those of the user; so does the ledger, which says what was spent. Runs beside
    servers.
    """
    from pilothouse.lifecycle.deletions import Deletions  # noqa: PLC0415 - the room is heavy, and not for --help

    if (user is None) == (trace is None):
        raise click.UsageError("Say which: --user, or --trace.")
    if not yes:
        what = f"every trace of the user {plain(user)}" if user else f"the trace {plain(trace or '')}"
        click.confirm(f"Delete {what} in {plain(project)}, for good?", abort=True)
    with context.looking() as platform:
        platform.drainer.flush()
        deletions = Deletions(platform.store)
        erased = deletions.user(me(), project, user) if user else deletions.trace(me(), project, trace or "")
    if as_json:
        click.echo(json.dumps(asdict(erased), indent=2))
    else:
        click.echo(f"Deleted: {erased.traces} traces, {erased.spans} spans, {erased.scores} scores.")
