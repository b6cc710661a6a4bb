"""A group of commands whose modules are imported when they are asked for; the help needs none of them."""

import importlib
from typing import ClassVar

import click

__all__ = ["Lazy"]


class Lazy(click.Group):
    """Its commands are `<name>` in the modules `<package>.<name>`, a hyphen being an underscore there."""

    package: ClassVar[str]
    commands_there: ClassVar[dict[str, str]]
    """Each command's name and what the help says of it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_there)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_there:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"{self.package}.{name}")
        found = getattr(module, name, None) or getattr(module, f"{name}_")  # `list_` is the command `list`
        return found  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.commands_there.items()))
