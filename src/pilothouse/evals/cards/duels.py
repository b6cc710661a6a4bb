"""Who was compared with whom: by pairwise judges of runs, by people side by side, and in files of votes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_Found = Counter[tuple[str, str, By, str]]


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
        of each queue by default."""
        found: _Found = Counter()
        if by != "people":
            found += self._by_judges(project, suite, players)
        if by != "judge":
            found += self._by_people(project, suite, players, criterion)
        return leaderboard([*_duels(found), *of_votes(votes)], level)

    def _by_judges(self, project: str, suite: str | None, players: Players) -> _Found:
        page = EvalRuns(self.store).list(project, suite=suite, limit=MOST_RUNS)
        runs = {run.id: run for run in page.runs if run.status == "done"}
        others = {
            (run.id, name): _opponent(run, one.against)
            for run in runs.values() for name, one in planned(run.plan, known=self.known).items() if one.against
        }  # fmt: skip
        found: _Found = Counter()
        for told in EvalColumns(self.store).labels(project, others):
            one = self._player(runs[told.run_id], players)
            found[one, others[told.run_id, told.evaluator], "judge", told.label] += told.count
        return found

    def _by_people(self, project: str, suite: str | None, players: Players, criterion: str | None) -> _Found:
        reviews, named = Reviews(self.store), self._names(project, suite, players)
        found: _Found = Counter()
        for queue in reviews.queues.list(project, limit=_QUEUES).queues:
            asked = criterion or queue.criteria[0]
            if queue.kind == "pairwise" and asked in queue.criteria:
                found += self._votes(project, reviews, queue, asked, named)
        return found

    def _votes(
        self, project: str, reviews: Reviews, queue: Queue, criterion: str, named: Callable[[str], str | None]
    ) -> _Found:  # fmt: skip
        found: _Found = Counter()
        systems: dict[str, tuple[str, ...]] | None = None
        for item in reviews.labels(project, queue, criterion):
            if item.label is None:
                continue
            if item.source.run_id is not None and item.source.other_run_id is not None:
                pair: Sequence[str | None] = named(item.source.run_id), named(item.source.other_run_id)
            else:
                systems = systems or {one.id: one.systems for one in reviews.items.each(project, queue)}
                pair = systems.get(item.item_id, ())
            if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
                found[pair[0], pair[1], "people", _RESULTS[str(item.label)]] += 1
        return found

    def _names(self, project: str, suite: str | None, players: Players) -> Callable[[str], str | None]:
        """What a run is called; None for one that is gone, or of another suite."""
        runs, known = EvalRuns(self.store), dict[str, str | None]()

        def named(run_id: str) -> str | None:
            if run_id not in known:
                try:
                    run = runs.get(project, run_id)
                except NotFound:
                    known[run_id] = None
                else:
                    known[run_id] = self._player(run, players) if suite in (None, run.suite) else None
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
    found: _Found = Counter()
    for vote in votes:
        result = {vote.one: WIN, vote.other: LOSS}.get(vote.winner, TIE)
        found[vote.one, vote.other, "people", result] += 1
    return list(_duels(found))


def _duels(found: _Found) -> Iterator[Duel]:
    pairs: dict[tuple[str, str, By], dict[str, int]] = {}
    for (one, other, by, result), count in found.items():
        pairs.setdefault((one, other, by), {})[result] = count
    for (one, other, by), counts in sorted(pairs.items()):
        yield Duel(
            one=one, other=other, by=by, won=counts.get(WIN, 0), tied=counts.get(TIE, 0), lost=counts.get(LOSS, 0)
        )
