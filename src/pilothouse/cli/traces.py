"""`pilothouse traces`: what happened, as a list and one by one."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import filter_options, given_filters, project_option
from pilothouse.cli.traces_delete import delete
from pilothouse.cli.traces_export import export

if TYPE_CHECKING:
    from pilothouse.observe.trace import Trace

__all__ = ["traces"]


@click.group()
def traces() -> None:
    """See what happened: list traces, show one, explain it, export or delete them."""


@traces.command(name="list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="PLACE", help="Continue a list: the place that it named at its end.")
@project_option
@as_json
@pass_context
def list_(context: Context, /, limit: int, before: str | None, project: str, as_json: bool, **given: Any) -> None:
    """The newest traces."""
    filters = given_filters(**given)
    with context.looking() as platform:
        platform.drainer.flush()
        page = platform.traces.list(project, limit, before, filters, preview=True)
    if as_json:
        click.echo(in_json([asdict(row) for row in page.rows]))
    elif not page.rows:
        click.echo(
            "No traces."
            if any(value is not None for value in given.values())
            else "No traces yet. Ask something, or run: pilothouse demo"
        )
    else:
        from rich.console import Console  # noqa: PLC0415 - rich costs 20 ms that JSON output does not need

        from pilothouse.cli.trace_tree import render_list  # noqa: PLC0415

        Console(highlight=False).print(render_list(page.rows))
    if page.next and not as_json:
        click.echo(f"\nThere are more: add --before {page.next}", err=True)


@traces.command()
@click.argument("trace", metavar="ID")
@click.option("--payload", is_flag=True, help="Show what went in and came out of each step, too.")
@project_option
@as_json
@pass_context
def show(context: Context, trace: str, payload: bool, project: str, as_json: bool) -> None:
    """One trace as a tree. ID is a trace id, the beginning of one, or `last`."""
    with context.looking() as platform:
        platform.drainer.flush()
        found = platform.traces.get(platform.traces.find(trace, project), project, payload=payload)
    if as_json:
        click.echo(in_json(found.to_json(payload=payload)))
        return
    from rich.console import Console  # noqa: PLC0415 - rich costs 20 ms that JSON output does not need

    from pilothouse.cli.trace_tree import render_trace  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(render_trace(found))
    if payload:
        _show_payloads(console, found)


@traces.command()
@click.argument("trace", metavar="ID")
@project_option
@as_json
@pass_context
def explain(context: Context, trace: str, project: str, as_json: bool) -> None:
    """Why a trace went as it did: prompt, deployment, caches, guards, price. ID as for `show`."""
    from pilothouse.observe.costs.price_note import price_note  # noqa: PLC0415
    from pilothouse.observe.explain import explain as explained  # noqa: PLC0415 - the room is heavy, not for --help

    with context.looking() as platform:
        platform.drainer.flush()
        found = platform.traces.get(platform.traces.find(trace, project), project, payload=False)
        told = explained(found, lambda span: price_note(platform.prices, span))
    if as_json:
        click.echo(in_json([asdict(step) for step in told]))
    elif not told:
        click.echo("Nothing was recorded that there is something to say about.")
    else:
        from rich.console import Console  # noqa: PLC0415 - rich costs 20 ms that JSON output does not need

        from pilothouse.cli.trace_tree import render_explained  # noqa: PLC0415

        Console(highlight=False, markup=False, emoji=False).print(render_explained(told))


def _show_payloads(console: Any, trace: "Trace") -> None:
    """Inputs and outputs as indented JSON, without the characters that would steer the terminal."""
    from pilothouse.cli.trace_tree import one_line  # noqa: PLC0415

    for node in trace.nodes():
        for title, body in (("input", node.span.input), ("output", node.span.output)):
            if body is not None:
                console.print(f"\n{one_line(node.span.name)} · {title}", style="bold")
                console.print(plain(json.dumps(body, indent=2, ensure_ascii=False)))


traces.add_command(delete)
traces.add_command(export)
