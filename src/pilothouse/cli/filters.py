"""Which traces a command is about: the options of `traces list` and `traces export`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context
from pilothouse.cli.options import DURATION, control
from pilothouse.ids import now_us

if TYPE_CHECKING:
    from pilothouse.observe import Filters

__all__ = ["filter_options", "given_filters", "project_option"]

_F = TypeVar("_F", bound=Callable[..., Any])
_SAME = (
    ("--key", "key_id"), ("--team", "team_id"), ("--user", "user_id"), ("--session", "session_id"),
    ("--feature", "feature"), ("--environment", "environment"), ("--release", "release"), ("--endpoint", "endpoint"),
    ("--tag", "tag"), ("--error", "error_code"),
)  # fmt: skip
_MICRO, _NANO = 10**6, 10**9
_at_least = click.FloatRange(0, 10**9)


def _there(ctx: click.Context, _: click.Parameter, project: str) -> str:
    """The project. Raises NotFound for one that there is not, before a command does anything in it."""
    context = ctx.find_object(Context)
    if project != DEFAULT_PROJECT and context is not None and not ctx.resilient_parsing:
        from pilothouse.access import Tenants  # noqa: PLC0415 - the room is heavy, and not for --help

        with control(context) as engine:
            Tenants(engine).get("project", project)
    return project


project_option = click.option(
    "--project", default=DEFAULT_PROJECT, show_default=True, callback=_there, help="The project."
)


def filter_options(command: _F) -> _F:
    """Adds the options; `given_filters` makes Filters of what they give, as keywords."""
    options = [
        click.option("--model", help="Only where this model took part: a name, an alias or a deployment."),
        click.option("--status", type=click.Choice(["ok", "error", "cancelled"]), help="Only those that ended so."),
        click.option("--text", help="Only with this in a name, error, user, session or id."),
        click.option("--topic", help="Only where the question is of this topic: its id or its label."),
        click.option("--prompt", help="Only where this prompt was used: name@version, or a name for any version."),
        click.option("--since", type=DURATION, help="Only the last 24h, 7d ..."),
        *(click.option(option, name, help=f"Only those of this {option[2:]}.") for option, name in _SAME),
        click.option("--slower", type=_at_least, metavar="SECONDS", help="Only those that took as long, or longer."),
        click.option("--dearer", type=_at_least, metavar="USD", help="Only those that cost as much, or more."),
        click.option("--score", metavar="NAME", help="Only those with this score."),
        click.option("--score-most", type=float, help="Only where that score is no higher."),
        click.option("--score-least", type=float, help="Only where that score is no lower."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def given_filters(
    *, since: float | None, slower: float | None, dearer: float | None, score: str | None, **given: Any
) -> "Filters":
    """What the options say. Bounds of a score without its name are refused."""
    from pilothouse.observe import Filters  # noqa: PLC0415 - the room is heavy, and not for --help

    if score is None and (given["score_most"] is not None or given["score_least"] is not None):
        raise click.UsageError("--score-most and --score-least need a --score.")
    return Filters(
        since_us=None if since is None else now_us() - round(since * _MICRO),
        slower_us=None if slower is None else round(slower * _MICRO),
        dearer_nano=None if dearer is None else round(dearer * _NANO),
        score=score,
        **given,
    )
