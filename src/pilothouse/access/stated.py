"""Every budget that somebody stated: of tenants and keys, and of the configuration's aliases and deployments.

End users' budgets are one rule for all of them, so they are not listed. Knows nothing of what was spent.
"""

from collections.abc import Iterator

from pilothouse.access.keys import Keys
from pilothouse.access.purses import Purse, Purses, purses_of
from pilothouse.access.tenants import Tenants

__all__ = ["stated_purses"]

_EVERY_KEY = 100_000


def stated_purses(tenants: Tenants, keys: Keys, configured: Purses, project_id: str | None) -> Iterator[Purse]:
    """The purses of one project: its own, its teams', its keys' and its aliases'.

    With None those of every project, and of organisations and deployments, which stand above projects. Blocks.
    """
    if project_id is None:
        for organisation in tenants.list("organisation"):
            yield from purses_of(organisation.account, "", organisation.budgets)
        for own in configured.deployments.values():
            yield from own
    for project in tenants.list("project"):
        if project_id in (None, project.id):
            yield from purses_of(project.account, project.id, project.budgets)
            yield from configured.of_models(project.id)
    for team in tenants.list("team", project_id):
        yield from purses_of(team.account, team.parent or "", team.budgets)
    for key in keys.list(project_id, limit=_EVERY_KEY):
        yield from purses_of(f"key:{key.id}", key.project_id, key.budgets)
