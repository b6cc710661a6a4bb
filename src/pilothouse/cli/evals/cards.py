"""`pilothouse evals cards`: how far judges may be believed, and what people would say of a whole run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.evals.judged import card_row, card_told, estimate_told
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.evals.cards.judges import JudgeRoom, Labels
    from pilothouse.storage.evaluating.eval_runs import Run

__all__ = ["cards"]

_F = TypeVar("_F", bound=Callable[..., Any])
_LISTED = ("id", "judge", "evaluator", "criterion", "labelled", "kappa", "flips", "length", "cost", "made")


def _labels(command: _F) -> _F:
    """Adds --queue, --labels and --overall, where labels of people come from."""
    for option in (
        click.option("--overall", metavar="NAME", help="Labels of this criterion are of the verdict as a whole."),
        click.option("--labels", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="A file of labels, JSON lines or CSV: case, label, and criterion, trial, annotator."),
        click.option("--queue", help="A queue of review whose labels count."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def cards() -> None:
    """Judges held against people: agreement, flips, what they lean to, cost."""


@cards.command(name="list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="ID", help="Continue a list: the last id that it showed.")
@project_option
@as_json
@pass_context
def list_(context: Context, limit: int, after: str | None, project: str, as_json: bool) -> None:
    """The newest card of each judge and criterion."""
    from pilothouse.storage.evaluating.judge_cards import JudgeCards  # noqa: PLC0415 - SQLAlchemy is not for --help

    with context.looking() as platform:
        page = JudgeCards(platform.store).list(project, after=after, limit=limit)
    rows = [{"id": one.id, **one.body, "made_us": one.made_us} if as_json else card_row(one) for one in page.cards]
    show_rows(rows, _LISTED, as_json=as_json, empty="No cards. Make one: pilothouse evals cards make RUN EVALUATOR")
    if page.next and not as_json:
        click.echo(f"\nThere are more: add --after {page.next}", err=True)


@cards.command()
@click.argument("card")
@project_option
@as_json
@pass_context
def show(context: Context, card: str, project: str, as_json: bool) -> None:
    """One card, by its id."""
    from pilothouse.storage.evaluating.judge_cards import JudgeCards  # noqa: PLC0415

    with context.looking() as platform:
        found = JudgeCards(platform.store).get(project, card)
    if as_json:
        click.echo(in_json({"id": found.id, **found.body, "made_us": found.made_us}))
    else:
        click.echo("\n".join(map(plain, card_told(found))))


@cards.command()
@click.argument("card")
@project_option
@pass_context
def delete(context: Context, card: str, project: str) -> None:
    """Forget a card, by its id."""
    from pilothouse.storage.evaluating.judge_cards import JudgeCards  # noqa: PLC0415

    with context.looking() as platform:
        JudgeCards(platform.store).delete(project, card)
    click.echo("Deleted.")


@cards.command()
@click.argument("runs", nargs=-1, required=True)
@click.argument("evaluator")
@_labels
@click.option("--failures-disagree", is_flag=True, help="What is no verdict differs from whatever people said.")
@project_option
@as_json
@pass_context
def make(
    context: Context, runs: tuple[str, ...], evaluator: str, queue: str | None, file: Path | None, overall: str | None,
    failures_disagree: bool, project: str, as_json: bool,
) -> None:  # fmt: skip
    """Make the cards of the judge that RUNS (ids, or names for their newest) call EVALUATOR, from all that it said in
    them and labels of people: of a queue, or of a file, which are then of the first run."""
    with context.looking() as platform:
        room = _room(platform)
        found = [room.runs.get(project, one) for one in runs]
        labels = _given(room, project, found, queue, file, overall)[0] if queue or file else {}
        made = room.make(project, found, evaluator, labels, failures_disagree=failures_disagree)
    if as_json:
        click.echo(in_json([{"id": one.id, **one.body, "made_us": one.made_us} for one in made]))
        return
    click.echo("\n\n".join("\n".join(map(plain, card_told(one))) for one in made))


@cards.command()
@click.argument("run")
@click.option("--metric", required=True, help="The evaluator whose verdicts count.")
@click.option("--criterion", default="", help="One of its criteria, its verdict as a whole by default.")
@_labels
@project_option
@as_json
@pass_context
def estimate(
    context: Context, run: str, metric: str, criterion: str, queue: str | None, file: Path | None, overall: str | None,
    project: str, as_json: bool,
) -> None:  # fmt: skip
    """Estimate what people would say of all cases of RUN, from their labels of some and the verdicts on all. The
    labelled cases must be a random sample."""
    if not (queue or file):
        raise click.UsageError("Name --queue or --labels: an estimate needs labels of people.")
    with context.looking() as platform:
        room = _room(platform)
        found = room.runs.get(project, run)
        labels, biased = _given(room, project, [found], queue, file, overall)
        told = room.estimate(project, found, metric, labels, criterion)
    if as_json:
        click.echo(in_json({**told.to_json(), "biased": biased}))
    else:
        click.echo("\n".join(map(plain, [*estimate_told(told), *([biased] if biased else [])])))


def _room(platform: "Platform") -> "JudgeRoom":
    from pilothouse.evals.cards.judges import JudgeRoom  # noqa: PLC0415
    from pilothouse.evals.cards.planned import named_by  # noqa: PLC0415

    return JudgeRoom(platform.store, named_by(platform.snapshot.config))


def _given(
    room: "JudgeRoom", project: str, runs: "list[Run]", queue: str | None, file: Path | None, overall: str | None
) -> "tuple[Labels, str | None]":
    """The labels of a queue or a file, and why they are no random sample, as far as a queue tells."""
    from pilothouse.evals.cards.labels import read_labels, renamed  # noqa: PLC0415

    if queue and file:
        raise click.UsageError("Name --queue or --labels, not both.")
    if queue:
        labels, _, biased = room.labels_of(project, queue, runs)
    else:
        assert file is not None
        labels, biased = {runs[0].id: read_labels(file.read_bytes(), file.name)}, None
    return {run: renamed(some, overall) for run, some in labels.items()}, biased
