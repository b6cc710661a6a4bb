"""`/api/datasets/{dataset}/sample`, `/dedupe`, `/split`, `/scrub`: work on a whole dataset, as jobs."""

from fastapi import APIRouter

from pilothouse.api.caller import By, InProject
from pilothouse.evals.datasets.work import TASK, Deduplicating, Order, Sample, Scrubbing, Splitting
from pilothouse.settings import Settings
from pilothouse.storage import Jobs, Store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.types import Json

__all__ = ["routes"]


def routes(store: Store, jobs: Jobs, settings: Settings) -> APIRouter:
    """The routes over the datasets of a store, worked on by `jobs`."""
    router = APIRouter(prefix="/api/datasets", tags=["datasets"])
    datasets = Datasets(store)

    def begun(project: str, dataset: str, by: str, order: Order) -> Json:
        found = datasets.get(project, dataset)
        payload = {
            "home": str(settings.home.absolute()), "project": project, "dataset": found.id, "author": by,
            "order": order.model_dump(),
        }  # fmt: skip
        return jobs.enqueue(TASK, payload, project_id=project, max_attempts=1).to_json()

    @router.post("/{dataset:path}/sample", status_code=202)
    def sample(dataset: str, body: Sample, project: InProject, by: By) -> Json:
        """Add items from traces of production: those that `filters` let through, chosen at random, evenly by kind,
        failures first, or as far apart as can be. Follow the job at `/api/jobs/{id}`; the same traces again change
        nothing."""
        if body.scrub is not None:
            body.scrub.redaction()
        return begun(project, dataset, by.name, body)

    @router.post("/{dataset:path}/dedupe", status_code=202)
    def deduplicate(dataset: str, body: Deduplicating, project: InProject, by: By) -> Json:
        """Take out items whose inputs are those of an earlier one, or nearly so."""
        return begun(project, dataset, by.name, body)

    @router.post("/{dataset:path}/split", status_code=202)
    def split(dataset: str, body: Splitting, project: InProject, by: By) -> Json:
        """Give each item a split, so that nothing alike, nor of one trace or user, is in two of them."""
        return begun(project, dataset, by.name, body)

    @router.post("/{dataset:path}/scrub", status_code=202)
    def scrub(dataset: str, body: Scrubbing, project: InProject, by: By) -> Json:
        """Replace personal data in every item. Versions of before keep what they have."""
        body.redaction()
        return begun(project, dataset, by.name, body)

    return router
