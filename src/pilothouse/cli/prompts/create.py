"""`pilothouse prompts create`: the next version of a prompt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import guarded, opened

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
@project_option
@as_json
@pass_context
def create(
    context: Context, name: str, file: Path, message: str, labels: tuple[str, ...], syntax: str | None,
    parent: int | None, project: str, as_json: bool,
) -> None:  # fmt: skip
    """The next version of NAME, from FILE, or from what is piped in.

    A text is the template. Where the file begins with a line of ---, YAML up to the next one says the rest (model,
    params, variables ...). A .json file is the content as the API takes it. The same content as the newest version is
    that version again.
    """
    content = _content(file, name, syntax)
    with (guarded if labels else opened)(context) as prompts:
        before = prompts.heads(project, [name]).get(name)
        made = prompts.create(project, name, content, by=me(), message=message, labels=labels, parent=parent)
    same = before is not None and before.number == made.number
    if as_json:
        fields = ("name", "hash", "message", "author", "created_us", "parent", "labels")
        told = {field: getattr(made, field) for field in fields}
        click.echo(in_json({**told, "version": made.number, "new": not same}))
    elif same:
        click.echo(plain(f"Nothing is new: {made.reference} has this content."))
    else:
        click.echo(plain(f"Created {made.reference} ({', '.join(made.labels)})."))
        if "production" not in made.labels:
            click.echo(plain(f"Serve it: pilothouse prompts promote '{made.reference}'"))


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
