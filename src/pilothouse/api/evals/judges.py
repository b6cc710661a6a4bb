"""`/api/evals/judges` and `/api/evals/leaderboard`: how far judges may be believed, and who beats whom."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import InProject
from pilothouse.config import Config
from pilothouse.errors import InvalidRequest
from pilothouse.evals.cards.duels import Duels
from pilothouse.evals.cards.judges import JudgeRoom, Labels
from pilothouse.evals.cards.labels import label_of, renamed
from pilothouse.evals.cards.planned import named_by
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.evaluating.judge_cards import KeptCard
from pilothouse.types import Json

__all__ = ["card_json", "routes"]

_Limit = Annotated[int, Query(ge=1, le=500)]
_Name = Annotated[str, Field(min_length=1, max_length=512)]
_MOST_LABELS = 100_000


class _Labelled(Strict):
    """`labels` are of the first run: objects with `case`, `label`, and where wanted `criterion`, `trial`, `annotator`.
    `overall` names the criterion whose labels are of the verdict as a whole."""

    queue: _Name | None = None
    labels: Annotated[list[Json], Field(max_length=_MOST_LABELS)] | None = None
    overall: str | None = None


class _Make(_Labelled):
    runs: Annotated[list[_Name], Field(min_length=1, max_length=100)]
    evaluator: _Name
    failures_disagree: bool = False


class _Estimate(_Labelled):
    run: _Name
    metric: _Name
    criterion: str = ""


def routes(store: Store, config: Callable[[], Config]) -> APIRouter:
    """The routes over the judges of a store. `config` tells what models' names stand for now."""
    router = APIRouter(prefix="/api/evals", tags=["evals"])

    def room() -> JudgeRoom:
        return JudgeRoom(store, named_by(config()))

    @router.get("/judges")
    def list_cards(project: InProject, limit: _Limit = 50, after: str | None = None) -> Json:
        """The newest card of each judge and criterion. Hand `next` back as `after`."""
        page = room().cards.list(project, after=after, limit=limit)
        return {"data": [card_json(one) for one in page.cards], "next": page.next}

    @router.post("/judges", status_code=201)
    def make_cards(body: _Make, project: InProject) -> Json:
        """Make the cards of a judge, one for each criterion, from all that it said in these runs and labels of people:
        of a queue, or given here."""
        judges = room()
        runs = [judges.runs.get(project, one) for one in body.runs]
        labels, _ = _labels(judges, project, runs, body)
        made = judges.make(project, runs, body.evaluator, labels, failures_disagree=body.failures_disagree)
        return {"data": [card_json(one) for one in made]}

    @router.post("/judges/estimate")
    def estimate(body: _Estimate, project: InProject) -> Json:
        """What people would say on average of all cases of a run, from labels of some and the verdicts on all
        (prediction-powered). `biased` says why the labels are no random sample, as far as their queue tells."""
        judges = room()
        run = judges.runs.get(project, body.run)
        labels, biased = _labels(judges, project, [run], body)
        return {**judges.estimate(project, run, body.metric, labels, body.criterion).to_json(), "biased": biased}

    @router.get("/judges/{card_id}")
    def show_card(card_id: str, project: InProject) -> Json:
        """One card."""
        return card_json(room().cards.get(project, card_id))

    @router.delete("/judges/{card_id}", status_code=204)
    def delete_card(card_id: str, project: InProject) -> Response:
        """Forget a card."""
        room().cards.delete(project, card_id)
        return Response(status_code=204)

    @router.get("/leaderboard")
    def leaderboard(
        project: InProject, suite: str | None = None, by: Literal["judge", "people"] | None = None,
        rank: Literal["name", "model"] = "name", criterion: str | None = None,
    ) -> Json:  # fmt: skip
        """Who beats whom, by Bradley-Terry over pairwise verdicts of the newest 200 runs and people's choices in queues
        of pairs. `groups` were never compared with each other: ranks hold within one."""
        duels = Duels(store, named_by(config()))
        return duels.board(project, suite=suite, by=by, players=rank, criterion=criterion).to_json()

    return router


def card_json(card: KeptCard) -> Json:
    """A card with its id and when it was made."""
    return {"id": card.id, **card.body, "made_us": card.made_us}


def _labels(room: JudgeRoom, project: str, runs: list[Run], body: _Labelled) -> tuple[Labels, str | None]:
    if body.queue is not None and body.labels is not None:
        raise InvalidRequest("Give 'queue' or 'labels', not both.", param="labels")
    biased = None
    labels: Labels = {}
    if body.queue is not None:
        labels, _, biased = room.labels_of(project, body.queue, runs)
    elif body.labels is not None:
        labels = {runs[0].id: [label_of(one, f"labels[{i}]") for i, one in enumerate(body.labels)]}
    return {run: renamed(some, body.overall) for run, some in labels.items()}, biased
