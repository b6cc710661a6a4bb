"""`pilothouse prompts create`: the next version of a prompt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import as_json, in_json, plain
from pilothouse.cli.prompts.desk import Desk, at_registry
from pilothouse.errors import NotFound

if TYPE_CHECKING:
    from pilothouse.prompts.content import Content

__all__ = ["create"]


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.option("-m", "--message", default="", metavar="TEXT", help="What is new in it.")
@click.option("--label", "labels", multiple=True, help="Let this label point to it; may be repeated.")
@click.option("--syntax", type=click.Choice(["jinja", "mustache", "format"]), help="Where the file does not say it.")
@click.option("--parent", type=click.IntRange(1, 2**31 - 1), help="Only where this version is the newest.")
@as_json
@at_registry
def create(
    desk: Desk, /, name: str, file: Path, message: str, labels: tuple[str, ...], syntax: str | None,
    parent: int | None, as_json: bool,
) -> None:  # fmt: skip
    """The next version of NAME, from FILE, or from what is piped in.

    A text is the template. Where the file begins with a line of ---, YAML up to the next one says the rest (model,
    params, variables ...). A .json file is the content as the API takes it. The same content as the newest version is
    that version again.
    """
    content = _content(file, name, syntax)
    newest = _newest(desk, name)
    made = desk.create(name=name, content=content.to_json(), message=message, labels=labels, parent=parent)
    reference = f"{name}@{made['version']}"
    if as_json:
        click.echo(in_json({**made, "new": made["version"] != newest}))
    elif made["version"] == newest:
        click.echo(plain(f"Nothing is new: {reference} has this content."))
    else:
        click.echo(plain(f"Created {reference} ({', '.join(made['labels'])})."))
        if "production" not in made["labels"]:
            click.echo(plain(f"Serve it: pilothouse prompts promote '{reference}'"))


def _newest(desk: Desk, name: str) -> int | None:
    try:
        newest: int = desk.prompt(name)["newest"]
    except NotFound:
        return None
    return newest


def _content(file: Path, name: str, syntax: str | None) -> "Content":
    from pilothouse.errors import InvalidRequest  # noqa: PLC0415
    from pilothouse.prompts.content import content_of  # noqa: PLC0415
    from pilothouse.prompts.files import read  # noqa: PLC0415 - PyYAML is not for --help
    from pilothouse.types import decode_body  # noqa: PLC0415

    if str(file) == "-" and sys.stdin.isatty():
        click.echo("Write the template, and end it with Ctrl-D.", err=True)
    with click.open_file(str(file), "rb") as source:
        raw = source.read()
    if file.suffix == ".json":
        return content_of({**({"syntax": syntax} if syntax else {}), **decode_body(raw)})
    shown = "the input" if str(file) == "-" else str(file)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{shown}: is not UTF-8: {error.reason} at byte {error.start}.") from None
    if not text.removeprefix("\ufeff").startswith("---"):
        return content_of({"template": text.removesuffix("\n"), **({"syntax": syntax} if syntax else {})})
    found = read(text, Path(shown), name)
    if found.name != name:
        raise InvalidRequest(f"{shown}: names the prompt '{found.name}', and the command '{name}'.")
    return content_of({**found.content.to_json(), "syntax": syntax}) if syntax else found.content
