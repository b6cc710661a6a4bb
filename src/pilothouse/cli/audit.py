"""`pilothouse audit`: who changed what."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.options import DURATION, control, shown_time
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.access.audit import Entry

__all__ = ["audit"]

_COLUMNS = ("at", "actor", "source", "action", "subject", "changed")


@click.command()
@click.option("--project", help="Only changes in this project.")
@click.option("--actor", help="Only those of this actor.")
@click.option("--source", type=click.Choice(["api", "cli", "console", "file", "environment"]), help="Only from there.")
@click.option("--action", help="Only these, as key.create or key.*")
@click.option("--subject", help="Only on this, as team:default/ml or key:*")
@click.option("--since", type=DURATION, help="Only the last 24h, 7d ...")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed (--json shows ids).")
@as_json
@pass_context
def audit(
    context: Context, project: str | None, actor: str | None, source: str | None, action: str | None,
    subject: str | None, since: float | None, limit: int, before: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Who changed what: the newest changes first."""
    from pilothouse.access import Audit, AuditFilters  # noqa: PLC0415 - the room is heavy, and not for --help

    since_us = None if since is None else now_us() - int(since * 1e6)
    filters = AuditFilters(actor, source, action, subject, since_us)
    with control(context) as engine:
        found = Audit(engine).list(project, filters=filters, limit=limit, before=before)
    rows = [entry.to_json() if as_json else _row(entry) for entry in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No changes.")


def _row(entry: "Entry") -> dict[str, str]:
    return {
        "at": shown_time(entry.at_us), "actor": entry.actor, "source": entry.source, "action": entry.action,
        "subject": entry.subject, "changed": ", ".join(_changes(entry)),
    }  # fmt: skip


def _changes(entry: "Entry") -> Iterator[str]:
    """What differs after an update; of what is new, its name. --json shows all of it."""
    before, after = entry.before or {}, entry.after or {}
    if not before or not after:
        yield str((after or before).get("name", ""))
        return
    for name, value in after.items():
        if before.get(name) != value:
            yield f"{name}: {value}" if isinstance(value, str | int) else name
