"""`pilothouse approvals`: calls of tools that wait for a person, in the home of this machine."""

from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, pass_context, plain, show_rows
from pilothouse.cli.options import me, shown_time

if TYPE_CHECKING:
    from pilothouse.agents.approvals import Approval

__all__ = ["approvals"]

_COLUMNS = ("id", "status", "agent", "tool", "does", "arguments", "why", "asked", "until", "decided_by")
_project = click.option("--project", default="default", show_default=True, help="The project.")
_reason = click.option("--reason", default="", help="Why; the agent is told.")


@click.group()
def approvals() -> None:
    """Calls of tools that wait for a person: list, approve, deny."""


@approvals.command(name="list")
@_project
@click.option("--pending", is_flag=True, help="Only those that still wait.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@as_json
@pass_context
def list_(context: Context, project: str, pending: bool, limit: int, before: str | None, as_json: bool) -> None:
    """The newest first."""
    from pilothouse.agents.approvals import Approvals  # noqa: PLC0415 - the room is heavy, and not for --help

    with context.looking() as platform:
        found = Approvals(platform.store).list(project, pending=pending, limit=limit, before=before)
    rows = [one.to_json() if as_json else _row(one) for one in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="Nothing waits." if pending else "No approvals.")


@approvals.command()
@click.argument("identifier", metavar="ID")
@_project
@_reason
@pass_context
def approve(context: Context, identifier: str, project: str, reason: str) -> None:
    """Let the call ID go ahead."""
    _decide(context, identifier, project, reason, approved=True)


@approvals.command()
@click.argument("identifier", metavar="ID")
@_project
@_reason
@pass_context
def deny(context: Context, identifier: str, project: str, reason: str) -> None:
    """Do not let the call ID go ahead."""
    _decide(context, identifier, project, reason, approved=False)


def _decide(context: Context, identifier: str, project: str, reason: str, *, approved: bool) -> None:
    from pilothouse.agents.approvals import Approvals  # noqa: PLC0415
    from pilothouse.principal import EMBEDDED  # noqa: PLC0415

    with context.looking() as platform:
        made = Approvals(platform.store).decide(project, identifier, EMBEDDED, me(), approved=approved, reason=reason)
    click.echo(plain(f"{made.status}: {made.tool} of {made.agent}"))


def _row(one: "Approval") -> dict[str, object]:
    return {
        **one.to_json(), "does": one.severity, "why": " ".join(one.why), "asked": shown_time(one.created_us),
        "until": shown_time(one.expires_us),
    }  # fmt: skip
