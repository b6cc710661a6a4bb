"""The experiments that calls are to be asked about, from the database. Its topic of change is that of the prompts."""

from sqlalchemy import select
from sqlalchemy.engine import Connection

from pilothouse.prompts.experiments.shape import Experiment, PromptTarget
from pilothouse.storage.prompting import experiment_rows
from pilothouse.storage.tables.prompting import prompt_labels

__all__ = ["label_moved", "running"]


def running(connection: Connection, project: str) -> list[Experiment]:
    """Those of a project, for `assign`. One whose label was moved away from its control is left out at once: what it
    compares is not there any more."""
    found = [Experiment.read(row.body, row.revision) for row in experiment_rows.serving_rows(connection, project)]
    return [one for one in found if not label_moved(connection, one)]


def label_moved(connection: Connection, experiment: Experiment) -> bool:
    """Whether the label does not point to the control's version. False where the target is a model."""
    target = experiment.target
    if not isinstance(target, PromptTarget):
        return False
    c = prompt_labels.c
    query = select(c.version).where(
        c.project_id == experiment.project_id, c.name == target.prompt, c.label == target.label
    )  # fmt: skip
    return connection.execute(query).scalar() != experiment.versions.get(experiment.control.name)
