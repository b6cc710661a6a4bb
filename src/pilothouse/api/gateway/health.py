"""`/api/health`: how the process that answers is doing, and how each deployment does as that process sees it.

Every server process has circuit breakers and times of its own: where several serve, ask each. Whether a process should
get traffic at all is `/readyz`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from pilothouse.gateway.reliability.health import DeploymentHealth, Health

__all__ = ["ProcessHealth", "routes"]


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """`process` is its host and number, `several` whether others may serve beside it; `trouble` is what is away, and
    `problem` why a newer configuration does not serve. Times of deployments in seconds."""

    process: str
    several: bool
    trouble: str | None
    problem: str | None
    deployments: Sequence[DeploymentHealth]


def routes(
    health: Health, process: str, *, several: bool, trouble: Callable[[], str | None], problem: Callable[[], str | None]
) -> APIRouter:
    """The route over this process."""
    router = APIRouter(prefix="/api/health", tags=["health"])

    @router.get("")
    def show() -> ProcessHealth:
        """This process, and every deployment that it asked or checked. Others have breakers of their own."""
        return ProcessHealth(process, several, trouble(), problem(), health.states())

    return router
