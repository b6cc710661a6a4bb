"""Who beats whom: a ranking from comparisons by judges and by people. Knows nothing of runs and of queues."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from pilothouse.stats.ranking import Game, Ranking, bradley_terry, elo
from pilothouse.types import Json

__all__ = ["Board", "By", "Duel", "Standing", "leaderboard"]

By = Literal["judge", "people"]

_FEW = 10  # comparisons, below which bounds by the curvature of the likelihood are rough
_NAMED = 10


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """How often `one` beat the `other` in comparisons of the same kind, and how often neither did. `by` says who
    judged. What was compared in several trials is one game, won and lost in parts; `told` counts all verdicts, as many
    as games unless given."""

    one: str
    other: str
    won: float = 0
    tied: float = 0
    lost: float = 0
    by: By = "judge"
    told: int | None = None

    @property
    def games(self) -> int:
        return round(self.won + self.tied + self.lost)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One of those compared. `elo` is its strength by Bradley-Terry on the scale of chess, 1000 the average of its
    group, with bounds; `rank` the best place it may have, `worst` the worst. `held` says that its strength is only
    bounded by what everyone begins with, since it, or some part of the group, always won or always lost. A
    case is one game: `won`, `tied` and `lost` have parts of it where its trials differ."""

    name: str
    rank: int
    worst: int
    elo: float
    low: float
    high: float
    games: int
    won: float
    tied: float
    lost: float
    group: int
    held: bool = False


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The standings, the strongest of each group first. `groups` has the names of those that were compared with each
    other, over others too; no standing of one can be held against one of another. `comparisons` are games, of which a
    case is one, `verdicts` how many verdicts and choices of people these are. `notes` say what to mind."""

    standings: tuple[Standing, ...]
    groups: tuple[tuple[str, ...], ...]
    comparisons: int
    ties: float
    by_judges: int
    by_people: int
    level: float
    verdicts: int = 0
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """For the API and the command line."""
        found: Json = msgspec.to_builtins(self)
        return found


def leaderboard(duels: Iterable[Duel], level: float = 0.95) -> Board:
    """Rank all who were compared; ties are half a win to each. Something compared with itself tells nothing and is
    left out. Empty where nothing was compared."""
    told = [duel for duel in duels if duel.games and duel.one != duel.other]
    games = [*_games(told)]
    ranking = bradley_terry([game for game, _ in games], level, weights=[count for _, count in games])
    counts = _counts(told)
    standings = tuple(
        Standing(
            name=one.name, rank=one.rank, worst=one.worst, elo=one.elo, low=elo(one.low), high=elo(one.high),
            games=one.games, won=_whole(counts[one.name][0]), tied=_whole(counts[one.name][1]),
            lost=_whole(counts[one.name][2]),
            group=one.group, held=one.name in ranking.held,
        )
        for one in ranking.rated
    )  # fmt: skip
    return Board(
        standings=standings, groups=ranking.groups, comparisons=sum(one.games for one in told),
        ties=_whole(sum(one.tied for one in told)), by_judges=sum(one.games for one in told if one.by == "judge"),
        by_people=sum(one.games for one in told if one.by == "people"), level=level,
        verdicts=sum(one.games if one.told is None else one.told for one in told), notes=_notes(ranking, standings),
    )  # fmt: skip


def _games(duels: Sequence[Duel]) -> Iterator[tuple[Game, float]]:
    for duel in duels:
        for count, result in ((duel.won, 1.0), (duel.tied, 0.5), (duel.lost, 0.0)):
            if count:
                yield (duel.one, duel.other, result), count


def _counts(duels: Sequence[Duel]) -> dict[str, tuple[float, float, float]]:
    counts: dict[str, tuple[float, float, float]] = {}
    for duel in duels:
        for name, won, lost in ((duel.one, duel.won, duel.lost), (duel.other, duel.lost, duel.won)):
            before = counts.get(name, (0, 0, 0))
            counts[name] = before[0] + won, before[1] + duel.tied, before[2] + lost
    return counts


def _whole(count: float) -> float:
    """Parts of games to two digits, and whole ones as whole numbers."""
    rounded = round(count, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _notes(ranking: Ranking, standings: Sequence[Standing]) -> tuple[str, ...]:
    notes = []
    if len(ranking.groups) > 1:
        named = "; ".join(_named(group) for group in ranking.groups[:_NAMED])
        more = f"; and {len(ranking.groups) - _NAMED} more" if len(ranking.groups) > _NAMED else ""
        notes.append(
            f"{len(ranking.groups)} groups were never compared with each other ({named}{more}): ranks and strengths "
            "hold within a group. One comparison between two of them joins them."
        )
    if ranking.held:
        notes.append(f"Always won, or always lost, against the rest: {_named(ranking.held)}. How far is not known.")
    few = [one.name for one in standings if one.games < _FEW]
    if few:
        notes.append(f"Fewer than {_FEW} comparisons, so that bounds are rough: {_named(few)}.")
    return tuple(notes)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
