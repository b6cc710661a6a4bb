"""`pilothouse prompts promote`: let a label point to a version."""

import click

from pilothouse.cli.context import as_json
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.registry import reason_option, tell

__all__ = ["promote", "promoted"]


@click.command()
@click.argument("reference")
@click.option("--to", "label", default="production", show_default=True, help="The label.")
@click.option("--force", is_flag=True, help="Pass over a failed or missing evaluation; needs a --reason.")
@click.option("--expected", type=click.IntRange(0), metavar="VERSION", help="Only where the label points there now.")
@reason_option
@as_json
@at_registry
def promote(
    desk: Desk, /, reference: str, label: str, force: bool, expected: int | None, reason: str, as_json: bool
) -> None:  # fmt: skip
    """Let a label point to NAME@3, or to what another label points to: NAME#staging.

    Exit code 1 says that it was refused, 0 that the label moved, or that a second person must agree.
    """
    promoted(desk, reference, label, force=force, expected=expected, reason=reason, as_json=as_json)


def promoted(
    desk: Desk, reference: str, label: str, *, force: bool = False, expected: int | None = None, reason: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Do so, and tell it."""
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415 - pydantic is not for --help

    asked = reference_of(reference)
    if asked.version is None and asked.label is None:
        raise click.UsageError(f"Which version? Write {asked.name}@3, or {asked.name}#latest for the newest.")
    version = asked.version
    if version is None:
        version = desk.labelled(asked.name, asked.label or "")["version"]
    done = desk.promote(asked.name, label, version=version, reason=reason, force=force, expected=expected)
    tell(done, as_json=as_json)
