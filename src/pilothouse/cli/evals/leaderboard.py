"""`pilothouse evals leaderboard`: who beats whom, by judges and by people."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilothouse.cli.context import Context, as_json, in_json, pass_context, plain, show_rows
from pilothouse.cli.filters import project_option

if TYPE_CHECKING:
    from pilothouse.evals.cards.board import Standing

__all__ = ["leaderboard"]

_COLUMNS = ("rank", "name", "strength", "interval", "games", "won", "tied", "lost")


@click.command()
@click.option("--suite", help="Only runs of this suite.")
@click.option("--by", type=click.Choice(["judge", "people"]), help="Only comparisons of these; of both by default.")
@click.option("--rank", "players", type=click.Choice(["name", "model"]), default="name", show_default=True,
              help="Rank runs by their names, or what they evaluated.")  # fmt: skip
@click.option("--criterion", help="What people chose by; the first criterion of each queue by default.")
@click.option("--votes", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True,
              help="A file with more comparisons, JSON lines or CSV: one, other, winner.")  # fmt: skip
@project_option
@as_json
@pass_context
def leaderboard(
    context: Context, suite: str | None, by: str | None, players: str, criterion: str | None, votes: tuple[Path, ...],
    project: str, as_json: bool,
) -> None:  # fmt: skip
    """Rank what was compared, by Bradley-Terry: pairwise judges of runs, queues of pairs, and files of votes."""
    from pilothouse.evals.cards.duels import Duels  # noqa: PLC0415 - numpy, and not for --help
    from pilothouse.evals.cards.labels import read_votes  # noqa: PLC0415
    from pilothouse.evals.cards.planned import named_by  # noqa: PLC0415

    given = [vote for path in votes for vote in read_votes(path.read_bytes(), path.name)]
    with context.looking() as platform:
        board = Duels(platform.store, named_by(platform.snapshot.config)).board(
            project, suite=suite, by=by, players=players, criterion=criterion, votes=given  # type: ignore[arg-type]
        )  # fmt: skip
    if as_json:
        click.echo(in_json(board.to_json()))
        return
    empty = "Nothing was compared. Let a suite ask a `pairwise` judge, or fill a queue of pairs."
    show_rows([_row(one, len(board.groups)) for one in board.standings], _COLUMNS, as_json=False, empty=empty)
    if board.standings:
        of = f" in {board.verdicts} verdicts and choices" if board.verdicts != board.comparisons else ""
        click.echo(
            f"\n{board.comparisons} comparisons{of}, {board.by_judges} by judges and {board.by_people} by people, "
            f"{board.ties} of them ties. 1000 is the average, 400 more are odds of ten to one."
        )
    for note in board.notes:
        click.echo(plain(note))


def _row(one: "Standing", groups: int) -> dict[str, str]:
    ranks = str(one.rank) if one.rank == one.worst else f"{one.rank} to {one.worst}"
    return {
        "rank": f"{ranks} (group {one.group + 1})" if groups > 1 else ranks, "name": one.name,
        "strength": f"{one.elo:.0f}{' (held)' if one.held else ''}", "interval": f"{one.low:.0f} to {one.high:.0f}",
        "games": str(one.games), "won": str(one.won), "tied": str(one.tied), "lost": str(one.lost),
    }  # fmt: skip
