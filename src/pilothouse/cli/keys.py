"""`pilothouse keys`: made, listed, changed, rotated, revoked. A server on the same database sees it at once."""

import json
from typing import TYPE_CHECKING, Any, get_args

import click

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.options import (
    DURATION,
    MOMENT,
    control,
    given_limits,
    limit_options,
    me,
    shown_budgets,
    shown_limits,
    shown_time,
)
from pilothouse.config import Limits
from pilothouse.errors import Conflict, NotFound
from pilothouse.principal import Role

if TYPE_CHECKING:
    from pilothouse.access import Key, Keys

__all__ = ["keys"]

_COLUMNS = ("id", "name", "role", "project", "team", "state", "expires")
_LISTS = ("models", "endpoints", "networks", "guards")
_CLEARABLE = ("role", "team", "expiry", *_LISTS, "limits", "budgets")
_EVERY_KEY = 100_000
_ROLE = click.Choice(get_args(Role))


@click.group()
def keys() -> None:
    """Keys: create, list, show, update, rotate, revoke."""


def _policy_options(command: Any) -> Any:
    for option in (
        click.option("--cache/--no-cache", default=None, help="Whether caches answer and keep its calls."),
        click.option("--network", "networks", multiple=True, help="IP range that it may come from; may be repeated."),
        click.option("--guards", "guards", multiple=True, help="Guard policy that holds for its calls; repeatable."),
        click.option("--endpoint", "endpoints", multiple=True, help="Path that it may call, as /v1/*; repeatable."),
        click.option(
            "--model", "models", multiple=True, help="Model that it may use, as fast or openai/*; repeatable."
        ),
        click.option("--expires", "expires_us", type=MOMENT, help="When it ends: 30d, or a date (UTC)."),
        click.option("--team", "team_id", help="The team whose limits and budgets count, too."),
    ):
        command = option(command)
    return command


@keys.command()
@click.argument("name")
@click.option("--role", type=_ROLE, help="What it may do (default: what its team's keys may, or caller).")
@click.option("--project", default=DEFAULT_PROJECT, show_default=True, help="The project it belongs to.")
@_policy_options
@limit_options
@as_json
@pass_context
def create(context: Context, /, name: str, role: Role | None, project: str, as_json: bool, **given: Any) -> None:
    """A new key. Its secret is shown once."""
    from pilothouse.access import Keys  # noqa: PLC0415 - the room is heavy, and not for --help
    from pilothouse.access.shapes import NewKey  # noqa: PLC0415

    stated = {"name": name, "role": role, "project_id": project, **_fields(given)}
    with control(context) as engine:
        room = Keys(engine)
        body = _valid(NewKey, stated)
        secret, made = room.create(body.name, body.role, body.settings(), by=me())
        _show_secret(secret, room.get(made.key_id), as_json)


@keys.command(name="list")
@click.option("--project", help="Only those of this project.")
@click.option("--team", help="Only those of this team.")
@click.option("--revoked", is_flag=True, help="Also those that are revoked.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Continue a list: the last id that it showed.")
@as_json
@pass_context
def list_(
    context: Context,
    project: str | None,
    team: str | None,
    revoked: bool,
    limit: int,
    before: str | None,
    as_json: bool,
) -> None:
    """The newest keys."""
    from pilothouse.access import Keys  # noqa: PLC0415

    with control(context) as engine:
        found = Keys(engine).list(project, team_id=team, limit=limit, before=before, revoked=revoked)
    rows = [key.to_json() if as_json else _row(key) for key in found]
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No keys. Make one: pilothouse keys create NAME")


@keys.command()
@click.argument("key_id", metavar="ID|NAME")
@as_json
@pass_context
def show(context: Context, key_id: str, as_json: bool) -> None:
    """One key: what it may do, and until when."""
    from pilothouse.access import Keys  # noqa: PLC0415

    with control(context) as engine:
        _show(_named(Keys(engine), key_id), as_json)


@keys.command()
@click.argument("key_id", metavar="ID|NAME")
@click.option("--name", help="Another name.")
@click.option("--role", type=_ROLE, help="Another role.")
@_policy_options
@limit_options
@click.option("--clear", "cleared", multiple=True, type=click.Choice(_CLEARABLE), help="Take away; may be repeated.")
@as_json
@pass_context
def update(context: Context, /, key_id: str, cleared: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Change what is given, and leave the rest."""
    from pilothouse.access import Keys  # noqa: PLC0415
    from pilothouse.access.shapes import KeyChange  # noqa: PLC0415

    with control(context) as engine:
        room = Keys(engine)
        key = _named(room, key_id)
        stated = {name: given[name] for name in ("name", "role") if given[name] is not None}
        change = _valid(KeyChange, stated | _fields(given, key, cleared))
        _show(room.update(key.id, change, by=me()), as_json)


@keys.command()
@click.argument("key_id", metavar="ID|NAME")
@click.option("--overlap", type=DURATION, default="0s", help="How long the old secret still holds, as 24h.")
@as_json
@pass_context
def rotate(context: Context, key_id: str, overlap: float, as_json: bool) -> None:
    """A new secret for the same key, shown once."""
    from pilothouse.access import Keys  # noqa: PLC0415

    with control(context) as engine:
        room = Keys(engine)
        secret, key = room.rotate(_named(room, key_id).id, overlap, by=me())
    _show_secret(secret, key, as_json)


@keys.command()
@click.argument("key_id", metavar="ID|NAME")
@as_json
@pass_context
def revoke(context: Context, key_id: str, as_json: bool) -> None:
    """End a key. Every server refuses it from its next request on."""
    from pilothouse.access import Keys  # noqa: PLC0415

    with control(context) as engine:
        room = Keys(engine)
        key = room.revoke(_named(room, key_id).id, by=me())
    click.echo(json.dumps(key.to_json(), indent=2) if as_json else f"Key {key.id} ({plain(key.name)}) is revoked.")


def _named(room: "Keys", given: str) -> "Key":
    """The key with this id, else the only one of this name that is not revoked. Raises NotFound; Conflict where there
    are several."""
    try:
        return room.get(given)
    except NotFound:
        found = [key for key in room.list(limit=_EVERY_KEY) if key.name == given]
        if not found:
            raise
        if len(found) > 1:
            ids = ", ".join(key.id for key in found[:5])
            raise Conflict(f"{len(found)} keys are named '{given}': say which by its id, such as {ids}.") from None
        return found[0]


def _fields(given: dict[str, Any], before: "Key | None" = None, cleared: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a key that options state; beside those that are changed, the others of the same group stay."""
    stated: dict[str, Any] = {name: given[name] for name in ("team_id", "expires_us") if given[name] is not None}
    policy = before.policy.model_dump() if before else {}
    rules = {name: list(given[name]) for name in _LISTS if given[name]}
    rules |= {"cache": given["cache"]} if given["cache"] is not None else {}
    rules |= {name: [] for name in cleared if name in _LISTS}
    if rules:
        stated["policy"] = {**policy, **rules}
    if "limits" in cleared:
        stated["limits"] = given_limits(given) or Limits()
    elif (limits := given_limits(given, before.limits if before else None)) is not None:
        stated["limits"] = limits
    if given["budgets"] or "budgets" in cleared:
        stated["budgets"] = list(given["budgets"])
    words = {"role": "role", "team": "team_id", "expiry": "expires_us"}
    return stated | {words[word]: None for word in cleared if word in words}


def _valid(shape: Any, stated: dict[str, Any]) -> Any:
    """The shape of what was stated; what is wrong with it is wrong usage."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return shape.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise click.UsageError(f"{place}: {first['msg'].removeprefix('Value error, ')}.") from None


def _show_secret(secret: str, key: "Key", as_json: bool) -> None:
    if as_json:
        click.echo(in_json({"secret": secret, "key": key.to_json()}))
        return
    _show(key, as_json)
    click.echo(f"\n{secret}   (shown once)")


def _show(key: "Key", as_json: bool) -> None:
    if as_json:
        click.echo(in_json(key.to_json()))
        return
    for name, value in _row(key).items():
        if value:
            click.echo(f"{name.replace('_', ' '):14} {plain(value)}")


def _row(key: "Key") -> dict[str, str]:
    policy = key.policy
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role or "the team's",
        "project": key.project_id,
        "team": key.team_id or "",
        "state": key.state,
        "may_use": ", ".join((*policy.models, *policy.endpoints)),
        "from": ", ".join(policy.networks),
        "guards": ", ".join(policy.guards),
        "cache": "" if policy.cache else "never",
        "limits": shown_limits(key.limits),
        "budgets": shown_budgets(key.budgets),
        "created": shown_time(key.created_us),
        "expires": shown_time(key.expires_us),
        "old_secret_ends": shown_time(key.old_until_us),
    }
