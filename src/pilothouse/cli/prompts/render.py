"""`pilothouse prompts render`: what a model would be asked with."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.cli.prompts.synced import version_of
from pilothouse.errors import InvalidRequest

if TYPE_CHECKING:
    from pilothouse.prompts.content import Content

__all__ = ["render"]


@click.command()
@click.argument("reference")
@click.option("--var", "given", multiple=True, metavar="NAME=VALUE",
              help="A variable; JSON where it is declared as another type than text. May be repeated.")  # fmt: skip
@click.option("--vars", "file", metavar="FILE", help="A JSON file with an object of variables; - is what is piped in.")
@as_json
@at_registry
def render(desk: Desk, /, reference: str, given: tuple[str, ...], file: str | None, as_json: bool) -> None:
    """A version with its variables: NAME@3 or NAME#label; NAME alone is what production points to."""
    from pilothouse.prompts.templates.rendering import render as rendered  # noqa: PLC0415 - heavy, and not for --help
    from pilothouse.prompts.versions import reference_of  # noqa: PLC0415

    asked = reference_of(reference)
    found = desk.resolved(asked.name, version=asked.version, label=asked.label)
    version, parts = version_of(found), found["includes"]
    variables = {**(_object(file) if file else {}), **_pairs(given, version.content)}
    made = rendered(version.content, variables, fetch=lambda written: version_of(parts[written]))
    if as_json:
        told = {"prompt": version.reference, "text": made.text, "messages": made.messages, "included": made.included}
        click.echo(in_json({**told, "chars": made.chars}))
    elif made.messages is None:
        click.echo(plain(made.text or ""))
    else:
        for message in made.messages:
            content = message.get("content")
            body = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
            click.echo(f"[{plain(str(message['role']))}]\n{plain(body)}\n")


def _pairs(given: Iterable[str], content: "Content") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise click.UsageError(f"--var {pair}: write NAME=VALUE.")
        declared = content.variables.get(name)
        text = declared is None or declared.type == "string"
        found[name] = value if text else _json(value, f"--var {name}")
    return found


def _object(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.buffer.read(4_000_000) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file}: cannot be read: {error.strerror}.") from None
    found = _json(text, file)
    if not isinstance(found, dict):
        raise InvalidRequest(f"{file}: holds no object of variables.")
    return found


def _json(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{where}: is not JSON.") from None
