"""`pilothouse prompts promote`: let a label point to a version."""

import click

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import guarded, reason_option, tell

__all__ = ["promote", "promoted"]


@click.command()
@click.argument("reference")
@click.option("--to", "label", default="production", show_default=True, help="The label.")
@click.option("--force", is_flag=True, help="Pass over a failed or missing evaluation; needs a --reason.")
@click.option("--expected", type=click.IntRange(0), metavar="VERSION", help="Only where the label points there now.")
@reason_option
@project_option
@as_json
@pass_context
def promote(
    context: Context, reference: str, label: str, force: bool, expected: int | None, reason: str, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Let a label point to NAME@3, or to what another label points to: NAME#staging."""
    promoted(context, reference, label, force, expected, reason, project, as_json)


def promoted(
    context: Context, reference: str, label: str, force: bool, expected: int | None, reason: str, project: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Do so, and tell it."""
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415 - pydantic is not for --help

    asked = reference_of(reference)
    if asked.version is None and asked.label is None:
        raise click.UsageError(f"Which version? Write {asked.name}@3, or {asked.name}#latest for the newest.")
    with guarded(context) as prompts:
        version = asked.version or prompts.get(project, asked.name, label=asked.label).number
        done = prompts.promote(
            project, asked.name, version, label, by=me(), reason=reason, force=force, expected=expected
        )
    tell(done, as_json=as_json)
