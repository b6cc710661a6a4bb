"""`pilothouse guards check`."""

import sys
from typing import TYPE_CHECKING, cast

import click

from pilothouse.call import Call
from pilothouse.cli.context import Context, as_json, in_json, pass_context, show_rows
from pilothouse.errors import ConfigError
from pilothouse.guarding import STAGES, Stage

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.guards.checking import Checked

__all__ = ["check"]

_COLUMNS = ("guard", "policy", "status", "action", "score", "reason")
_STOPPING = ("block", "fallback", "rephrase", "retry")


@click.command()
@click.argument("text")
@click.option("--policy", "policies", multiple=True, help="By this policy; the default ones where none is named.")
@click.option("--as", "stage", type=click.Choice(STAGES), default="input", show_default=True, help="What the text is.")
@click.option("--question", default="", help="What an answer is an answer to.")
@click.option("--passage", "passages", multiple=True, help="What an answer may rest on.")
@as_json
@pass_context
def check(
    context: Context, /, text: str, policies: tuple[str, ...], stage: str, question: str, passages: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Say what the guards of the configuration make of TEXT; "-" reads it from the input.

    Ends with 0 where it may go on, changed or not, and with 1 where it would be stopped.
    """
    given = sys.stdin.read() if text == "-" else text
    with context.platform() as platform:
        found = platform.run(_checked(platform, given, policies, cast(Stage, stage), question, passages))
    told = found.to_json()
    if as_json:
        click.echo(in_json(told))
    else:
        show_rows(told["results"], _COLUMNS, as_json=False, empty="No guard of these policies looks at this stage.")
        click.echo(f"To do: {found.action or 'nothing'}." + (f" It goes on as: {found.text}" if found.text else ""))
    if found.action in _STOPPING:
        raise click.exceptions.Exit(1)


async def _checked(
    platform: "Platform", text: str, policies: tuple[str, ...], stage: Stage, question: str, passages: tuple[str, ...]
) -> "Checked":
    from pilothouse.gateway.guarding.trying import tried  # noqa: PLC0415 - not needed for the help
    from pilothouse.protocols import Conversation  # noqa: PLC0415

    served = platform.gateway.runtime.guards
    policy = served.named(policies) if policies else served.of()
    if policy.is_empty:
        raise ConfigError("No policy holds: name one with --policy, or write guards.default in the configuration.")
    about, call = Conversation(question=question, passages=passages), Call(platform.recorder, endpoint="cli")
    return await tried(platform.gateway, call, policy.at(stage), text, stage, about)
