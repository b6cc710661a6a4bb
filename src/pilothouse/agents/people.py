"""Asks people and waits for their word: in this process over the database, elsewhere over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from pilothouse.agents.approvals import Approvals
from pilothouse.agents.approving import Approve, Asked, Decision
from pilothouse.agents.steps import at_server
from pilothouse.client import AsyncClient
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.types import Json

__all__ = ["Pause", "a_second", "by_people", "by_people_here"]

Pause = Callable[[], Awaitable[object]]


async def a_second() -> None:
    """How long is waited between two looks."""
    await asyncio.sleep(1.0)


def by_people(platform: Any = None, seconds: float = 300.0, *, pause: Pause = a_second) -> Approve:
    """Calls wait at a server until someone decides there, in the console, by `pilothouse approvals` or over the API;
    after `seconds` without a word the answer is no. `platform` as an Agent has it."""

    async def ask(asked: Asked) -> Decision:
        url, key = at_server(platform)
        async with AsyncClient(url, key) as client:
            told: Json = await client.request("POST", "/api/approvals", {**asdict(asked), "seconds": seconds})
            while told["status"] == "pending":
                await pause()
                told = await client.request("GET", f"/api/approvals/{told['id']}")
        return _decision(told["status"], told["decided_by"], told["reason"])

    return ask


def by_people_here(
    approvals: Approvals, project: str, principal: Principal = EMBEDDED, seconds: float = 300.0, *,
    pause: Pause = a_second,
) -> Approve:  # fmt: skip
    """The same over the database of this process, in the name of `principal`."""

    async def ask(asked: Asked) -> Decision:
        found = await asyncio.to_thread(approvals.ask, project, asked, seconds, principal)
        while found.status == "pending":
            await pause()
            found = await asyncio.to_thread(approvals.get, project, found.id)
        return _decision(found.status, found.decided_by, found.reason)

    return ask


def _decision(status: str, by: str | None, reason: str | None) -> Decision:
    if status == "expired":
        return Decision(False, reason="nobody decided in time")
    return Decision(status == "approved", by or "", reason or "")
