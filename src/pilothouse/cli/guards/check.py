"""`pilothouse guards check`: a text by itself through guards."""

import json
import sys
from collections.abc import Sequence

import click

from pilothouse.cli.context import as_json, in_json, plain, show_rows
from pilothouse.cli.guards.desk import Desk, at_guards
from pilothouse.errors import InvalidRequest
from pilothouse.guarding import STAGES
from pilothouse.types import Json

__all__ = ["check"]

_STOPPING = ("block", "fallback", "rephrase", "retry")
_COLUMNS = ("guard", "policy", "status", "action", "score", "reason", "found")


@click.command()
@click.argument("text")
@click.option("--policy", "policies", multiple=True, help="A policy by its name; may be given more than once.")
@click.option("--guard", "guards", multiple=True, help="A guard by its name, or in JSON as a policy lists it.")
@click.option(
    "--stage", "--as", "stage", type=click.Choice(STAGES), default="input", show_default=True, help="As which text."
)
@click.option("--question", default="", help="What an answer answers.")
@click.option("--system", default="", help="What the system prompt of its call says.")
@click.option("--passage", "passages", multiple=True, help="What an answer may rest on; may be given more than once.")
@as_json
@at_guards
def check(
    desk: Desk, /, text: str, policies: Sequence[str], guards: Sequence[str], stage: str, question: str, system: str,
    passages: Sequence[str], as_json: bool,
) -> None:  # fmt: skip
    """What guards say of TEXT (`-` reads what is piped in), and what would be done: by the policies that are named,
    else by those of the default.

    Ends with 0 where it may go on, changed or not, and with 1 where it would be stopped.
    """
    if text == "-":
        text = sys.stdin.read()
    found = desk.check({
        "text": text, "stage": stage, "policies": [*policies], "guards": [_use(one) for one in guards],
        "question": question, "system": system, "passages": [*passages],
    })  # fmt: skip
    if as_json:
        click.echo(in_json(found))
    else:
        rows = [{**one, "found": ", ".join(at["kind"] for at in one["findings"])} for one in found["results"]]
        show_rows(rows, _COLUMNS, as_json=False, empty="No guard looks at this stage.")
        left = f" It goes on as: {plain(found['text'])}" if found["text"] else ""
        click.echo(f"To do: {found['action'] or 'nothing'}.{left}")
    if found["action"] in _STOPPING:
        raise click.exceptions.Exit(1)


def _use(given: str) -> str | Json:
    if not given.startswith("{"):
        return given
    try:
        made: Json = json.loads(given)
    except ValueError as error:
        raise InvalidRequest(f"--guard {given[:60]}: no JSON ({error}).", param="guard") from None
    return made
