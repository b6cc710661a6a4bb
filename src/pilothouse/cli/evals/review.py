"""`pilothouse evals review`: queues in which people judge what models answered."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.evals import review_seat
from pilothouse.cli.filters import project_option
from pilothouse.cli.options import shown_time

if TYPE_CHECKING:
    from pilothouse.stats.agreement import Agreement
    from pilothouse.types import Json

__all__ = ["review"]

_QUEUES = ("name", "kind", "items", "open", "disputed", "done", "votes")
_PEOPLE = ("annotator", "voted", "skipped", "decided", "seconds", "last")
_AGREED = ("criterion", "items", "alike", "alpha", "fleiss", "kappa", "note")
_settings = (
    click.option("--instructions", help="What annotators should know."),
    click.option("--annotators", type=int, help="Votes for each item (default 1)."),
    click.option("--spread", type=int, help="How far votes may lie apart before somebody decides (default 1)."),
    click.option("--lease", "lease_s", type=int, help="Seconds for which an item waits for who opened it (900)."),
    click.option("--rule", "rules", multiple=True, metavar="RULE", help="Such as 'random share=0.05'. Repeat it."),
    click.option("--every", "every_s", type=int, help="Seconds between two fillings by rule (3600)."),
    click.option("--dataset", help="Where corrections go (default NAME-corrections)."),
)


def _setting_options(command: Any) -> Any:
    for option in reversed(_settings):
        command = option(command)
    return command


@click.group()
def review() -> None:
    """People judge what models answered: queues, votes, agreement.

    QUEUE is the name of a queue, or its id.
    """


for _command in review_seat.COMMANDS:
    review.add_command(_command)


@review.command()
@click.option("--archived", is_flag=True, help="Those that are archived.")
@project_option
@as_json
@pass_context
def queues(context: Context, archived: bool, project: str, as_json: bool) -> None:
    """The queues, and how far each is."""
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415 - SQLAlchemy is not for --help

    rows = []
    with context.looking() as platform:
        reviews = Reviews(platform.store)
        for queue in reviews.queues.list(project, limit=500, archived=archived).queues:
            told = reviews.tally(project, queue, "")
            counts = {name: told.items.get(name, 0) for name in ("open", "disputed", "done")}
            votes = f"{told.given} of {told.asked}"
            rows.append({"id": queue.id, "name": queue.name, "kind": queue.kind, "items": told.total, **counts,
                         "votes": {"given": told.given, "asked": told.asked} if as_json else votes})  # fmt: skip
    empty = "No review queues. Make one: pilothouse evals review create NAME --criterion NAME=DESCRIPTION"
    show_rows(rows, _QUEUES, as_json=as_json, empty=empty)


@review.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(["likert", "pairwise"]), default="likert", show_default=True)
@click.option("--criterion", "criteria", multiple=True, required=True, metavar="NAME[=TEXT]", help="May be repeated.")
@_setting_options
@project_option
@pass_context
def create(context: Context, /, name: str, kind: Any, criteria: tuple[str, ...], project: str, **given: Any) -> None:
    """Make an empty queue: points from 1 to 5, or two answers side by side."""
    from pilothouse.evals.review.rules import read_rules  # noqa: PLC0415
    from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    named = [criterion.partition("=") for criterion in criteria]
    stated = {**_stated(given), "criteria": tuple(Criterion(one.strip(), text.strip()) for one, _, text in named)}
    read_rules(kind, stated.get("rules", ()))
    with context.looking() as platform:
        made = Reviews(platform.store).queues.create(project, name, kind, QueueSettings(**stated))
    click.echo(f"Created '{plain(made.name)}'. Fill it: pilothouse evals review fill {plain(made.name)} ...")


@review.command(name="set")
@click.argument("queue")
@_setting_options
@click.option("--archive/--unarchive", "archived", default=None, help="Take it out of the list, or back into it.")
@project_option
@pass_context
def set_(context: Context, /, queue: str, archived: bool | None, project: str, **given: Any) -> None:
    """Change what is set of a queue; its criteria stay. Rules replace those that were there."""
    import msgspec  # noqa: PLC0415

    from pilothouse.evals.review.rules import read_rules  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found = reviews.queues.get(project, queue)
        settings = msgspec.structs.replace(found.settings, **_stated(given))
        read_rules(found.kind, settings.rules)
        found = reviews.change(project, found, settings)
        if archived is not None:
            found = reviews.queues.archive(project, found, archived)
    click.echo(in_json({"name": found.name, "archived": found.archived_us, **msgspec.to_builtins(found.settings)}))


@review.command()
@click.argument("queue")
@click.option("--trace", "traces", multiple=True, metavar="ID", help="A trace, or a step as TRACE/SPAN. Repeat it.")
@click.option("--run", help="An evaluation run: its answers.")
@click.option("--against", help="With --run: a second run, side by side.")
@click.option("--file", "path", type=click.Path(exists=True, path_type=Path), help="Items as JSON Lines.")
@click.option("--evaluator", help="Of a run: the cases that this one spoke of.")
@click.option("--failing", is_flag=True, help="Of a run: the cases that fail.")
@click.option("--most", type=click.IntRange(1), help="Of a run: so many, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw.")
@project_option
@as_json
@pass_context
def fill(
    context: Context, queue: str, traces: tuple[str, ...], run: str | None, against: str | None, path: Path | None,
    evaluator: str | None, failing: bool, most: int | None, seed: int, project: str, as_json: bool,
) -> None:  # fmt: skip
    """Put items into a queue: traces, the answers of a run, of two runs side by side, or a file. With none of these its
    rules are followed now. Nothing is twice in a queue."""
    from pilothouse.evals.review.filling import Filling  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    if sum((bool(traces), run is not None, path is not None)) > 1:
        raise click.UsageError("Give one of --trace, --run and --file.")
    with context.looking() as platform:
        filling, found = Filling(platform.store), Reviews(platform.store).queues.get(project, queue)
        if traces:
            told = filling.traces(project, found, traces)
        elif path is not None:
            told = filling.given(project, found, _records(path))
        elif run is not None and against is not None:
            told = filling.pair(project, found, run, against, most=most, seed=seed)
        elif run is not None:
            told = filling.run(project, found, run, evaluator=evaluator, failing=failing, most=most, seed=seed)
        else:
            told = filling.follow(project, found)
    unread = f", {told.unreadable} could not be read" if told.unreadable else ""
    click.echo(in_json(asdict(told)) if as_json else f"{told.added} added; {told.found} found{unread}.")


@review.command()
@click.argument("queue")
@project_option
@as_json
@pass_context
def progress(context: Context, queue: str, project: str, as_json: bool) -> None:
    """How far a queue is, and who did what."""
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        told = reviews.progress(project, reviews.queues.get(project, queue))
    if as_json:
        click.echo(in_json(asdict(told)))
        return
    counts = ", ".join(f"{told.items.get(name, 0)} {name}" for name in ("open", "disputed", "done"))
    click.echo(f"{told.total} items: {counts}. {told.given} of {told.asked} votes.\n")
    rows: list[dict[str, Any]] = [
        {**asdict(one), "seconds": None if one.seconds is None else f"{one.seconds:.1f}",
         "last": shown_time(one.last_us)}
        for one in told.annotators
    ]  # fmt: skip
    show_rows(rows, _PEOPLE, as_json=False, empty="Nobody has voted yet.")


@review.command()
@click.argument("queue")
@project_option
@as_json
@pass_context
def agreement(context: Context, queue: str, project: str, as_json: bool) -> None:
    """How far annotators agree, by criterion, with 95 % intervals."""
    from pilothouse.evals.review.agreement import agreed  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found = reviews.queues.get(project, queue)
        told = [agreed(found.kind, name, reviews.labels(project, found, name)) for name in found.criteria]
    if as_json:
        click.echo(in_json([asdict(one) for one in told]))
        return
    rows = []
    for one in told:
        alike = "" if one.alike is None else f"{one.alike.value:.0%}"
        kappas = [f"{pair.one}/{pair.other} {_figure(pair.kappa)}" for pair in one.pairs]
        rows.append({
            "criterion": one.criterion, "items": one.items, "alike": alike, "alpha": _figure(one.alpha),
            "fleiss": _figure(one.fleiss), "kappa": "; ".join(kappas), "note": one.alpha.note if one.alpha else "",
        })  # fmt: skip
    show_rows(rows, _AGREED, as_json=False, empty="No criteria.")


@review.command()
@click.argument("queue")
@click.option("--what", type=click.Choice(["votes", "labels", "preferences"]), default="votes", show_default=True)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--history", is_flag=True, help="Of votes: also those that were changed or taken back.")
@click.option("--out", type=click.Path(path_type=Path), help="A file, instead of the standard output.")
@project_option
@pass_context
def export(
    context: Context, queue: str, what: Any, form: Any, history: bool, out: Path | None, project: str
) -> None:  # fmt: skip
    """Votes one by one, the labels of what is done, or preferences (chosen and rejected) of pairs."""
    from pilothouse.evals.review.exporting import as_lines, rows_of  # noqa: PLC0415
    from pilothouse.storage.evaluating.reviews import Reviews  # noqa: PLC0415

    with context.looking() as platform:
        reviews = Reviews(platform.store)
        found = reviews.queues.get(project, queue)
        lines = as_lines(rows_of(reviews, project, found, what, history=history), form)
        if out is None:
            for line in lines:
                click.echo(line, nl=False)
            return
        with out.open("wb") as file:
            for line in lines:
                file.write(line)
    click.echo(f"Written to {out}.")


def _stated(given: "Json") -> "Json":
    stated = {name: value for name, value in given.items() if value not in (None, ())}
    if "rules" in stated:
        stated["rules"] = tuple(map(_rule, stated["rules"]))
    return stated


def _rule(text: str) -> "Json":
    """A rule from words: what it looks for, then `name=value`."""
    why, *words = text.split()
    rule: dict[str, Any] = {"why": why}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"'{word}' must be name=value, as in 'random share=0.05'.", param_hint="--rule")
        try:
            rule[name] = json.loads(value)
        except ValueError:
            rule[name] = value
    return rule


def _records(path: Path) -> "list[Json]":
    records = []
    for number, line in enumerate(path.read_text("utf-8", "replace").split("\n"), 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise click.ClickException(f"{path}, line {number}: is no JSON: {error}.") from None
    return records


def _figure(agreement: "Agreement | None") -> str:
    if agreement is None or agreement.value is None:
        return ""
    if agreement.low is None or agreement.high is None:
        return f"{agreement.value:.2f}"
    return f"{agreement.value:.2f} [{agreement.low:.2f}, {agreement.high:.2f}]"
