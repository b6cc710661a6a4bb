"""`/api/diff`: two versions of a model, corpus, prompt or configuration on the same inputs, as a job."""

from typing import Any

from fastapi import APIRouter, Body

from pilothouse.api.caller import Caller, InProject
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import Forbidden, InvalidRequest
from pilothouse.lifecycle.diff.order import DiffOrder, order_of
from pilothouse.principal import Principal
from pilothouse.settings import Settings
from pilothouse.storage import Jobs
from pilothouse.storage.configs import HIDDEN, hidden
from pilothouse.types import Json

__all__ = ["TASK", "routes"]

TASK = "evals.diff"


def routes(jobs: Jobs, settings: Settings) -> APIRouter:
    """The route over this installation's traffic and datasets."""
    router = APIRouter(prefix="/api/diff", tags=["evals"])

    @router.post("", status_code=202)
    def compare(caller: Caller, project: InProject, body: dict[str, Any] = Body()) -> Json:  # noqa: B008 - FastAPI's way
        """Ask `before` and `after` the same, and tell what differs. Follow the job at `/api/jobs/{id}`: its `result` is
        the report, with `markdown` for a pull request. Both sides are runs that are kept. The caller's policy, limits
        and budgets hold."""
        order = order_of(body)
        _check_configs(order, caller)
        order.written(order.max_cost_usd, before=False).evaluators()
        config = str(settings.config.absolute()) if settings.config.exists() else None
        payload = {
            "home": str(settings.home.absolute()), "config": config, "project": project, "order": body,
            "key_id": "" if caller.everywhere else caller.key_id,
        }  # fmt: skip
        return jobs.enqueue(TASK, payload, project_id=project, max_attempts=1).to_json()

    return router


def _check_configs(order: DiffOrder, caller: Principal) -> None:
    """Raises Forbidden where a key of one project would try a configuration, which is that of all; InvalidRequest for
    one that holds a secret, since jobs are kept."""
    for side in (order.before, order.after):
        if side.config is None:
            continue
        if not (caller.everywhere or caller.project_id == DEFAULT_PROJECT):
            raise Forbidden("The configuration is that of all projects: this needs a key of the project 'default'.")
        if not isinstance(side.config, int) and HIDDEN in str(hidden(side.config)):
            raise InvalidRequest("Write secrets as references, as ${OPENAI_API_KEY}: a job is kept.", param="config")
