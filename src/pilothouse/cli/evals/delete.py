"""`pilothouse evals delete`: a run goes, with what it found."""

import click

from pilothouse.cli.context import Context, pass_context, plain
from pilothouse.cli.filters import project_option

__all__ = ["delete"]


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@pass_context
def delete(context: Context, run: str, yes: bool, project: str) -> None:
    """Delete RUN, an id or a name (the newest of it), with all that it found. The answers that it paid for stay, so
    that the next run need not pay for them."""
    from pilothouse.storage import open_store  # noqa: PLC0415 - SQLAlchemy costs 150 ms that --help does not need
    from pilothouse.storage.evaluating.eval_runs import EvalRuns  # noqa: PLC0415

    store = open_store(context.settings)
    try:
        runs = EvalRuns(store)
        found = runs.get(project, run)
        if not yes:
            click.confirm(f"Delete {plain(found.name)} ({found.id}) with {found.done} outcomes?", abort=True)
        runs.delete(project, found.id)
    finally:
        store.close()
    click.echo(f"Deleted {found.id}.")
