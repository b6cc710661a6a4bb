"""The commands that organisations, projects and teams share: list, show, create, update; teams can be deleted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.options import (
    control,
    given_limits,
    limit_options,
    me,
    shown_budgets,
    shown_limits,
    shown_time,
)
from pilothouse.config import Limits
from pilothouse.principal import ROLES, Role

if TYPE_CHECKING:
    from pilothouse.access.tenants import Tenant

__all__ = ["tenant_commands"]

Kind = Literal["organisation", "project", "team"]
_ABOVE: dict[Kind, str | None] = {"organisation": None, "project": "organisation", "team": "project"}
_ROLE: dict[Kind, tuple[str, ...]] = {"organisation": (), "project": (), "team": ("role",)}


def tenant_commands(kind: Kind) -> click.Group:
    """The group of commands for one kind."""
    group = click.Group(f"{kind}s", help=f"{kind.capitalize()}s: list, show, create, update.")
    above = _ABOVE[kind]

    def below(command: Any) -> Any:
        if above is None:
            return command
        return click.option(f"--{above}", "parent", help=f"The {above} (default: default).")(command)

    def with_role(command: Any) -> Any:
        if kind != "team":
            return command
        return click.option("--role", type=click.Choice(ROLES), help="Of members and keys without their own.")(command)

    _add_reading(group, kind, below)
    _add_writing(group, kind, lambda command: with_role(below(command)))
    return group


def _add_reading(group: click.Group, kind: Kind, below: Callable[[Any], Any]) -> None:
    above = _ABOVE[kind]

    @group.command(name="list")
    @below
    @as_json
    @pass_context
    def list_(context: Context, as_json: bool, parent: str | None = None) -> None:
        """All of them, by id."""
        from pilothouse.access import Tenants  # noqa: PLC0415 - the room is heavy, and not for --help

        with control(context) as engine:
            found = Tenants(engine).list(kind, parent)
        rows = [one.to_json() if as_json else _row(one, above) for one in found]
        columns = ("id", *([above] if above else []), "name", *_ROLE[kind], "limits", "budgets", "created")
        show_rows(rows, columns, as_json=as_json, empty=f"No {kind}s. Make one: pilothouse {kind}s create ID")

    @group.command()
    @click.argument("identifier", metavar="ID")
    @below
    @as_json
    @pass_context
    def show(context: Context, identifier: str, as_json: bool, parent: str | None = None) -> None:
        """One of them."""
        from pilothouse.access import Tenants  # noqa: PLC0415

        with control(context) as engine:
            _show(Tenants(engine).get(kind, identifier, _parent(kind, parent)), as_json)


def _add_writing(group: click.Group, kind: Kind, options: Callable[[Any], Any]) -> None:
    @group.command()
    @click.argument("identifier", metavar="ID")
    @click.option("--name", help="Its name for people (default: the id).")
    @options
    @limit_options
    @as_json
    @pass_context
    def create(
        context: Context, /, identifier: str, name: str | None, as_json: bool, parent: str | None = None,
        role: Role | None = None, **given: Any,
    ) -> None:  # fmt: skip
        """A new one. The id is of lower-case letters, digits, dots and dashes."""
        from pilothouse.access import Tenants  # noqa: PLC0415
        from pilothouse.access.shapes import TeamSettings, TenantSettings, check_slug  # noqa: PLC0415

        limits = given_limits(given) or Limits()
        stated: dict[str, Any] = {"name": name or identifier, "limits": limits, "budgets": list(given["budgets"])}
        settings = TeamSettings(**stated, role=role) if kind == "team" else TenantSettings(**stated)
        with control(context) as engine:
            _show(Tenants(engine).create(kind, check_slug(identifier), settings, parent=parent, by=me()), as_json)

    @group.command()
    @click.argument("identifier", metavar="ID")
    @click.option("--name", help="Another name.")
    @options
    @limit_options
    @click.option(
        "--clear", "cleared", multiple=True, type=click.Choice((*_ROLE[kind], "limits", "budgets")), help="Take away."
    )
    @as_json
    @pass_context
    def update(
        context: Context, /, identifier: str, name: str | None, cleared: tuple[str, ...], as_json: bool,
        parent: str | None = None, role: Role | None = None, **given: Any,
    ) -> None:  # fmt: skip
        """Change what is given, and leave the rest."""
        from pilothouse.access import Tenants  # noqa: PLC0415
        from pilothouse.access.shapes import TeamChange, TenantChange  # noqa: PLC0415

        with control(context) as engine:
            room = Tenants(engine)
            before = room.get(kind, identifier, _parent(kind, parent))
            stated: dict[str, Any] = {} if name is None else {"name": name}
            limits = given_limits(given, None if "limits" in cleared else before.limits)
            if "limits" in cleared or limits is not None:
                stated["limits"] = limits or Limits()
            if "budgets" in cleared or given["budgets"]:
                stated["budgets"] = list(given["budgets"])
            if role is not None or "role" in cleared:
                stated["role"] = role
            change = (TeamChange if kind == "team" else TenantChange).model_validate(stated)
            _show(room.update(kind, identifier, change, parent=before.parent, by=me()), as_json)


def _parent(kind: Kind, parent: str | None) -> str | None:
    return "default" if kind == "team" and parent is None else parent


def _show(tenant: "Tenant", as_json: bool) -> None:
    if as_json:
        click.echo(in_json(tenant.to_json()))
        return
    for name, value in _row(tenant, _ABOVE[tenant.kind]).items():
        if value:
            click.echo(f"{name:13} {plain(value)}")


def _row(tenant: "Tenant", above: str | None) -> dict[str, str]:
    return {
        "id": tenant.id,
        **({above: tenant.parent or ""} if above else {}),
        "name": tenant.name,
        **({"role": tenant.role or ""} if tenant.kind == "team" else {}),
        "limits": shown_limits(tenant.limits),
        "budgets": shown_budgets(tenant.budgets),
        "created": shown_time(tenant.created_us or None),
    }
