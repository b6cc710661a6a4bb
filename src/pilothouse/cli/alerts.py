"""`pilothouse alerts`: what was noticed, whether channels work, and silences."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, pass_context, show_rows
from pilothouse.cli.options import DURATION, me, shown_time
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.alerts.book import Alert
    from pilothouse.notify.outbox import Delivery

__all__ = ["alerts"]

_COLUMNS = ("id", "status", "severity", "alert", "began", "ended", "what", "told")
_SILENCES = ("id", "rule", "subject", "until", "author", "comment")
_project = click.option("--project", default="default", show_default=True, help="The project.")


@click.group()
def alerts() -> None:
    """Alerts: list them, test the channels, silence."""


@alerts.command(name="list")
@_project
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@as_json
@pass_context
def list_(context: Context, project: str, only_open: bool, limit: int, before: str | None, as_json: bool) -> None:
    """The newest alerts, and who was told of them."""
    with context.looking() as platform:
        rooms = platform.alerts
        found = rooms.book.list(project, "open" if only_open else None, limit, before)
        told = rooms.outbox.about(project, [alert.id for alert in found])
    rows: list[dict[str, Any]] = [
        {**asdict(alert), "messages": [asdict(one) for one in told.get(alert.id, [])]}
        if as_json
        else _row(alert, told.get(alert.id, []))
        for alert in found
    ]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No alerts.")


@alerts.command()
@click.argument("channels", nargs=-1)
@pass_context
def test(context: Context, channels: tuple[str, ...]) -> None:
    """Send a test message to CHANNELS, or to all that are configured."""
    with context.looking() as platform:
        known = list(platform.snapshot.config.alerts.channels)
        if not known:
            raise click.ClickException("No channels are configured: see alerts.channels in the configuration.")
        for name in channels:
            if name not in known:
                raise click.ClickException(f"There is no channel '{name}'. There are: {', '.join(known)}.")
        found = platform.run(platform.alerts.postman.test(channels or known))
    for name, problem in found.items():
        click.echo(f"{name}: {'sent' if problem is None else problem}")
    if any(problem is not None for problem in found.values()):
        raise click.exceptions.Exit(1)


@alerts.command()
@_project
@click.option("--rule", help="Only this rule; any where left out.")
@click.option("--subject", help="Only this model, key, score ...; any where left out.")
@click.option("--for", "seconds", type=DURATION, default="1h", show_default=True, help="For how long.")
@click.option("--comment", default="", help="Why.")
@click.option("--list", "show", is_flag=True, help="Show the silences that hold, make none.")
@click.option("--end", "silence_id", metavar="ID", help="End this silence, make none.")
@as_json
@pass_context
def silence(
    context: Context, project: str, rule: str | None, subject: str | None, seconds: float, comment: str, show: bool,
    silence_id: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell nobody for a while. What is noticed meanwhile is written down, and told afterwards if it still lasts."""
    with context.looking() as platform:
        silences = platform.alerts.silences
        if silence_id is not None:
            silences.end(me(), silence_id, project=project)
            click.echo("The silence is over.")
            return
        if not show:
            until = now_us() + int(seconds * 1e6)
            made = silences.add(me(), until, rule=rule, subject=subject, comment=comment, project=project)
            click.echo(f"Silent until {shown_time(made.until_us)} UTC. End it with: alerts silence --end {made.id}")
            return
        rows = [silence.to_json() for silence in silences.list(project)]
    shown = rows if as_json else [{**row, "until": shown_time(row["until_us"])} for row in rows]
    show_rows(shown, _SILENCES, as_json=as_json, empty="Nothing is silenced.")


def _row(alert: "Alert", told: "list[Delivery]") -> dict[str, str]:
    messages = [f"{one.channel}: {one.status}" for one in told if one.event == "alert.fired"]
    return {
        "id": alert.id, "status": alert.status, "severity": alert.severity, "alert": alert.title,
        "began": shown_time(alert.opened_us), "ended": shown_time(alert.cleared_us), "what": alert.text,
        "told": ", ".join(messages) or ("nobody" if alert.told else "silenced"),
    }  # fmt: skip
