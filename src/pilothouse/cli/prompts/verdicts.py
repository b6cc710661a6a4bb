"""`pilothouse prompts verdicts`: what evaluations of a prompt's versions decided."""

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time

__all__ = ["verdicts"]


@click.command()
@click.argument("prompt", metavar="NAME[@VERSION]")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="So many at most.")
@project_option
@as_json
@pass_context
def verdicts(context: Context, /, prompt: str, limit: int, project: str, as_json: bool) -> None:
    """What evaluations of a prompt decided, of one version or of all; the newest first."""
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415 - the rooms are heavy, and not for --help

    reference = reference_of(prompt)
    with context.looking() as platform:
        found = platform.prompts.gate.list(
            project, reference.name, version=reference.version, limit=limit
        )  # fmt: skip
    rows = [
        {
            **one.to_json(), "at": shown_time(one.made_us), "by": one.actor, "run": one.run_id,
            "said": "passed" if one.passed else " ".join(one.reasons),
        }
        for one in found
    ]  # fmt: skip
    columns = ("at", "version", "label", "against", "by", "run", "said")
    show_rows(rows, columns, as_json=as_json, empty=f"No version of '{reference.name}' was evaluated yet.")
