"""The commands of `pilothouse evals review` with which one person reviews: next, vote, skip, undo, correct."""

from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import me

if TYPE_CHECKING:
    from pilothouse.storage.evaluating.review_queues import Queue
    from pilothouse.storage.evaluating.review_seats import Seat
    from pilothouse.storage.evaluating.reviews import Reviews
    from pilothouse.types import Json

__all__ = ["COMMANDS"]

_annotator = click.option("--as", "annotator", metavar="NAME", help="Who votes (default: who runs the command).")
_decide = click.option("--decide", is_flag=True, help="Items on which others disagree.")


@click.command(name="next")
@click.argument("queue")
@_annotator
@_decide
@project_option
@as_json
@pass_context
def next_(context: Context, queue: str, annotator: str | None, decide: bool, project: str, as_json: bool) -> None:
    """The item that you have, else the next that needs you. It is yours for the lease of the queue."""
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415 - SQLAlchemy is not for --help

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found = reviews.queues.get(project, queue)
        seat = reviews.seats.next(project, found, annotator or me().name, "decide" if decide else "vote")
        told = None if seat is None else _told(reviews, project, found, seat)
    _show(told, as_json=as_json)


@click.command()
@click.argument("queue")
@click.argument("item")
@click.argument("votes", nargs=-1, required=True, metavar="CRITERION=VALUE...")
@click.option("--comment", "comments", multiple=True, metavar="CRITERION=TEXT", help="May be repeated.")
@_annotator
@_decide
@project_option
@pass_context
def vote(
    context: Context, queue: str, item: str, votes: tuple[str, ...], comments: tuple[str, ...],
    annotator: str | None, decide: bool, project: str,
) -> None:  # fmt: skip
    """Say what you think of an item: 1 to 5, or a, b or tie, for each criterion."""
    from pilothouse.storage.evaluating.review_seats import Mark  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    said = dict(_pair(text) for text in comments)
    marks = {name: Mark(value, said.pop(name, "")) for name, value in map(_pair, votes)}
    if said:
        raise click.UsageError(f"There is a comment on '{next(iter(said))}', but no vote.")
    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found, role = reviews.queues.get(project, queue), "decide" if decide else "vote"
        status = reviews.seats.vote(project, found, item, annotator or me().name, marks, role=role)  # type: ignore[arg-type]
    click.echo(f"Kept. The item is {status}.")


@click.command()
@click.argument("queue")
@click.argument("item")
@_annotator
@_decide
@project_option
@pass_context
def skip(context: Context, queue: str, item: str, annotator: str | None, decide: bool, project: str) -> None:
    """Leave an item to others."""
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found, role = reviews.queues.get(project, queue), "decide" if decide else "vote"
        reviews.seats.skip(project, found, item, annotator or me().name, role)  # type: ignore[arg-type]
    click.echo("Skipped.")


@click.command()
@click.argument("queue")
@_annotator
@project_option
@as_json
@pass_context
def undo(context: Context, queue: str, annotator: str | None, project: str, as_json: bool) -> None:
    """Take your last vote or skip back, and get that item again."""
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found = reviews.queues.get(project, queue)
        told = _told(reviews, project, found, reviews.seats.undo(project, found, annotator or me().name))
    _show(told, as_json=as_json)


@click.command()
@click.argument("queue")
@click.argument("item")
@click.argument("text")
@_annotator
@project_option
@pass_context
def correct(context: Context, queue: str, item: str, text: str, annotator: str | None, project: str) -> None:
    """Say what the answer should have been: it becomes an item of a dataset."""
    from pilothouse.evals.review.correcting import Correcting  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        found = Reviews(platform.store).queues.get(project, queue)
        made = Correcting(platform.store).correct(project, found, item, annotator or me().name, text)
    click.echo(f"Kept, as the item {made.item_key} of a dataset.")


COMMANDS = (next_, vote, skip, undo, correct)
"""In the order of the help."""


def _told(reviews: "Reviews", project: str, queue: "Queue", seat: "Seat") -> "Json":
    from pilothouse.evals.review.blind import shown  # noqa: PLC0415

    votes = reviews.votes_on(project, queue, seat.item) if seat.role == "decide" else ()
    return shown(queue, seat, votes)


def _show(told: "Json | None", *, as_json: bool) -> None:
    if as_json:
        click.echo(in_json({"item": told}))
        return
    if told is None:
        click.echo("There is nothing for you in this queue now.")
        return
    parts: list[tuple[str, Any]] = [("item", told["id"]), ("instructions", told["instructions"] or None)]
    parts += [("input", told["input"]), *(("context", passage) for passage in told["context"])]
    parts += [("expected", told["expected"]), *((name, told[name]) for name in ("output", "a", "b") if name in told)]
    for name, value in parts:
        if value is not None:
            click.echo(f"{name.upper() if len(name) == 1 else name}: {plain(_text(value))}")
    for criterion in told["criteria"]:
        before = told["votes"].get(criterion["name"])
        about = f": {criterion['description']}" if criterion["description"] else ""
        said = f" (you said {before['value']})" if before else ""
        others = ", ".join(str(vote["value"]) for vote in told.get("said", {}).get(criterion["name"], ()))
        click.echo(plain(f"  {criterion['name']}{about}{said}{f' (others: {others})' if others else ''}"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else in_json(value)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"'{text}' must be CRITERION=VALUE, as in clear=4.")
    return name, value
