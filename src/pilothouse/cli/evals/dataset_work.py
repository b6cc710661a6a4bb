"""Work on a whole dataset, on the command line: sampling traces, duplicates out, splits in, personal data out."""

from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from pilothouse.cli.context import Context, as_json, pass_context
from pilothouse.cli.evals.changed import my_name, say_change
from pilothouse.cli.filters import filter_options, given_filters, project_option

if TYPE_CHECKING:
    from pilothouse.evals.datasets.work import Order

__all__ = ["COMMANDS"]

_LIKE = click.Choice(["exact", "words", "vectors"])
_seed = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random choices.")
_threshold = click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), help="The least similarity.")
_redact = click.option(
    "--redact", multiple=True, metavar="KIND", help="secret, email, ip, iban, credit_card or phone; by default all."
)
_pattern = click.option(
    "--pattern", "patterns", multiple=True, metavar="NAME=REGEX", help="Replaced by [NAME]; may be repeated."
)
_searched = click.option(
    "--searched",
    type=click.IntRange(1, 100_000),
    default=10_000,
    show_default=True,
    help="Of the newest so many.",
)


@click.command()
@click.argument("name")
@click.option(
    "--how", type=click.Choice(["random", "newest", "stratified", "failures", "diverse"]), default="random",
    show_default=True, help="Which of the traces that the filters let through.",
)  # fmt: skip
@click.option("--most", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many items.")
@click.option("--by", default="", help="What to stratify by: feature, error_code, user_id ...")
@_searched
@click.option("--scrub", is_flag=True, help="Replace personal data on the way.")
@_seed
@filter_options
@project_option
@as_json
@pass_context
def sample(
    context: Context, /, name: str, how: str, most: int, by: str, searched: int, scrub: bool, seed: int, project: str,
    as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Add items from traces of production."""
    from dataclasses import asdict  # noqa: PLC0415

    filters = {field: value for field, value in asdict(given_filters(**given)).items() if value is not None}
    order = {
        "do": "sample", "filters": filters, "how": how, "most": most, "by": by, "seed": seed, "searched": searched,
        "scrub": {} if scrub else None,
    }  # fmt: skip
    told = _done(context, project, name, order)
    say_change(told, as_json=as_json)
    if not as_json:
        unread = f", {told['unreadable']:,} without an input that is kept" if told["unreadable"] else ""
        click.echo(f"{told['chosen']:,} of {told['found']:,} traces{unread}.", err=True)


@click.command()
@click.argument("name")
@click.option("--by", type=_LIKE, default="exact", show_default=True, help="What makes two inputs duplicates.")
@_threshold
@project_option
@as_json
@pass_context
def dedupe(context: Context, name: str, by: str, threshold: float | None, project: str, as_json: bool) -> None:
    """Take out items whose input is that of an earlier one, or nearly so."""
    order = {"do": "dedupe", "by": by, "threshold": threshold}
    say_change(_done(context, project, name, order), as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("shares", nargs=-1, required=True, metavar="SPLIT=SHARE...")
@click.option("--likeness", type=_LIKE, default="words", show_default=True, help="What is not torn apart.")
@_threshold
@click.option("--by", default="", metavar="KEY", help="Nor items with the same value of this key of the metadata.")
@click.option("--again", is_flag=True, help="Also items that have a split already.")
@_seed
@project_option
@as_json
@pass_context
def split(
    context: Context, name: str, shares: tuple[str, ...], likeness: str, threshold: float | None, by: str, again: bool,
    seed: int, project: str, as_json: bool,
) -> None:  # fmt: skip
    """Give each item a split, such as train=0.8 test=0.2; what is alike is never in two."""
    parts = _pairs("a share", shares, "train=0.8")
    order = {
        "do": "split", "shares": parts, "seed": seed, "likeness": likeness, "threshold": threshold, "by": by,
        "again": again,
    }  # fmt: skip
    say_change(_done(context, project, name, order), as_json=as_json)


@click.command()
@click.argument("name")
@_redact
@_pattern
@project_option
@as_json
@pass_context
def scrub(
    context: Context, name: str, redact: tuple[str, ...], patterns: tuple[str, ...], project: str, as_json: bool
) -> None:  # fmt: skip
    """Replace personal data in every item. Versions of before keep what they have."""
    own = _pairs("--pattern", patterns, "NAME=REGEX")
    order: dict[str, Any] = {"do": "scrub", "patterns": own}
    if redact or own:
        order["redact"] = [*redact]
    say_change(_done(context, project, name, order), as_json=as_json)


COMMANDS = (sample, dedupe, split, scrub)
"""For the group."""


def _pairs(what: str, given: tuple[str, ...], example: str) -> dict[str, str]:
    pairs = dict[str, str]()
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{what} is written as {example}, not {one!r}.")
        pairs[name] = value
    return pairs


def _done(context: Context, project: str, name: str, order: dict[str, Any]) -> dict[str, Any]:
    from pilothouse.evals.datasets.work import Work, order_of  # noqa: PLC0415 - heavy, and not for --help

    try:
        wanted: Order = order_of(order)
    except ValidationError as error:
        raise click.UsageError("; ".join(str(e["msg"]).removeprefix("Value error, ") for e in error.errors())) from None
    with context.looking() as platform:
        platform.drainer.flush()
        return Work(platform.store, context.settings.models_dir, project, my_name()).do(name, wanted)
