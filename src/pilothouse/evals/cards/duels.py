"""Who was compared with whom: by pairwise judges of runs, by people side by side, and in files of votes."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pilothouse.errors import NotFound
from pilothouse.evals.cards.board import Board, By, Duel, leaderboard
from pilothouse.evals.cards.judges import subject_of
from pilothouse.evals.cards.labels import Vote
from pilothouse.evals.cards.planned import Named, planned
from pilothouse.evals.cards.ratings import LOSS, TIE, WIN
from pilothouse.evals.registry import Evaluators
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_columns import EvalColumns
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.reviews import Reviews

__all__ = ["Duels", "Players", "of_votes"]

Players = Literal["name", "model"]
"""What is ranked: runs by their names, or what they evaluated."""

MOST_RUNS = 200
_QUEUES = 500
_RESULTS = {"a": WIN, "tie": TIE, "b": LOSS}
_Met = tuple[str, str]
_Choices = dict[_Met, dict[Hashable, list[str]]]  # results by who met and on which case
_Named = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Duels:
    """Of a store. Every method blocks on the database. `named` tells what a model's name stands for."""

    store: Store
    named: Named = str
    known: Evaluators | None = None

    def board(
        self, project: str, *, suite: str | None = None, by: By | None = None, players: Players = "name",
        criterion: str | None = None, votes: Iterable[Vote] = (), level: float = 0.95,
    ) -> Board:  # fmt: skip
        """The ranking from the newest 200 runs (of a suite), those that are done, from all queues of pairs, and from
        `votes`; of judges or of people alone where `by` says so. People's choices are those on `criterion`, the first
        of each queue by default. What was said of one case of a suite, in all trials and runs of the same two, is one
        game."""
        found: list[Duel] = []
        if by != "people":
            found += self._by_judges(project, suite, players)
        if by != "judge":
            found += self._by_people(project, suite, players, criterion)
        return leaderboard([*found, *of_votes(votes)], level)

    def _by_judges(self, project: str, suite: str | None, players: Players) -> Iterator[Duel]:
        page = EvalRuns(self.store).list(project, suite=suite, limit=MOST_RUNS)
        met: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for run in (run for run in page.runs if run.status == "done"):
            for name, judge in planned(run.plan, known=self.known).items():
                if judge.against:
                    both = self._player(run, players), _opponent(run, judge.against), run.suite
                    met.setdefault(both, []).append((run.id, name))
        columns = EvalColumns(self.store)
        for (one, other, _), judges in sorted(met.items()):
            told = {count.label: count for count in columns.labels(project, judges)}
            won, tied, lost = (told[result].cases if result in told else 0.0 for result in (WIN, TIE, LOSS))
            yield Duel(
                one=one, other=other, won=won, tied=tied, lost=lost,
                told=sum(told[result].count for result in (WIN, TIE, LOSS) if result in told),
            )  # fmt: skip

    def _by_people(self, project: str, suite: str | None, players: Players, criterion: str | None) -> Iterator[Duel]:
        reviews, named = Reviews(self.store), self._names(project, suite, players)
        found: _Choices = {}
        for queue in reviews.queues.list(project, limit=_QUEUES).queues:
            asked = criterion or queue.criteria[0]
            if queue.kind == "pairwise" and asked in queue.criteria:
                self._votes(project, reviews, queue, asked, named, found)
        return _duels(found)

    def _votes(
        self, project: str, reviews: Reviews, queue: Queue, criterion: str, named: _Named, found: _Choices
    ) -> None:  # fmt: skip
        systems: dict[str, tuple[str, ...]] | None = None
        for item in reviews.labels(project, queue, criterion):
            if item.label is None:
                continue
            case: Hashable = item.item_id
            result = _RESULTS[str(item.label)]
            pair: Sequence[str]
            if item.source.run_id is not None and item.source.other_run_id is not None:
                both = named(item.source.run_id), named(item.source.other_run_id)
                if both[0] is None or both[1] is None:
                    continue
                pair = both[0][0], both[1][0]
                case = (both[0][1], item.source.case_id)
                if pair[0] > pair[1]:  # another queue may show the same two the other way round
                    pair, result = pair[::-1], {WIN: LOSS, LOSS: WIN}.get(result, TIE)
            else:
                systems = systems or {one.id: one.systems for one in reviews.items.each(project, queue)}
                pair = systems.get(item.item_id, ())
            if len(pair) == 2:
                found.setdefault((pair[0], pair[1]), {}).setdefault(case, []).append(result)

    def _names(self, project: str, suite: str | None, players: Players) -> _Named:
        """What a run is called, and its suite; None for one that is gone, or of another suite."""
        runs, known = EvalRuns(self.store), dict[str, tuple[str, str] | None]()

        def named(run_id: str) -> tuple[str, str] | None:
            if run_id not in known:
                try:
                    run = runs.get(project, run_id)
                except NotFound:
                    known[run_id] = None
                else:
                    known[run_id] = (self._player(run, players), run.suite) if suite in (None, run.suite) else None
            return known[run_id]

        return named

    def _player(self, run: Run, players: Players) -> str:
        return run.name if players == "name" else subject_of(run, self.named)


def _opponent(run: Run, against: str) -> str:
    """Who made the other answers: as the run's metadata names them under `<against>_name`, else by where they are."""
    named = run.metadata.get(f"{against}_name")
    return named if isinstance(named, str) and named else f"{against} ({run.suite})"


def of_votes(votes: Iterable[Vote]) -> list[Duel]:
    """Comparisons by people, from a file."""
    found: _Choices = {}
    for place, vote in enumerate(votes):
        result = {vote.one: WIN, vote.other: LOSS}.get(vote.winner, TIE)
        found.setdefault((vote.one, vote.other), {})[place] = [result]
    return list(_duels(found))


def _duels(found: Mapping[_Met, Mapping[Hashable, Sequence[str]]]) -> Iterator[Duel]:
    """Of people's choices: each case is one game, in parts where choices differ."""
    for (one, other), cases in sorted(found.items()):
        won, tied, lost = (
            sum(results.count(result) / len(results) for results in cases.values()) for result in (WIN, TIE, LOSS)
        )
        told = sum(map(len, cases.values()))
        yield Duel(one=one, other=other, by="people", won=won, tied=tied, lost=lost, told=told)
