"""Judges held against people: their cards, and who beats whom."""

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.evaluating import bar
from pilothouse.console.forms import Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest
from pilothouse.evals.cards.judges import card_of
from pilothouse.evals.cards.trusting import DEFAULT_AGREEMENT, objection
from pilothouse.storage.evaluating.judge_cards import KeptCard

__all__ = ["pages"]

_ROWS = 50


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the judges of one project."""
    router = APIRouter(prefix="/evals")

    @router.get("/judges")
    def list_page(visitor: Guest, after: str = "", done: str = "") -> Response:
        page = rooms.judges.cards.list(project, after=after or None, limit=_ROWS)
        return renderer.page(
            "judges.html", visitor=visitor, cards=[_told(one) for one in page.cards], next=page.next, after=after,
            bar=bar, least=DEFAULT_AGREEMENT, done=done,
        )  # fmt: skip

    @router.get("/judges/{card_id}")
    def card_page(visitor: Guest, card_id: str) -> Response:
        told = _told(rooms.judges.cards.get(project, card_id))
        return renderer.page("judge.html", visitor=visitor, one=told, bar=bar, least=DEFAULT_AGREEMENT)

    @router.post("/judges/{card_id}/delete")
    async def delete(visitor: Editor, form: Sent, card_id: str) -> Response:
        await asyncio.to_thread(rooms.judges.cards.delete, project, card_id)
        return RedirectResponse(f"{ROOT}/evals/judges?done=removed", 303)

    @router.get("/leaderboard")
    def leaderboard_page(
        visitor: Guest, suite: str = "", by: str = "", rank: str = "name", criterion: str = ""
    ) -> Response:
        chosen: Any = {
            "suite": suite.strip() or None, "by": by if by in ("judge", "people") else None,
            "players": "model" if rank == "model" else "name", "criterion": criterion.strip() or None,
        }  # fmt: skip
        board = rooms.duels.board(project, **chosen)
        lows = [one.low for one in board.standings]
        highs = [one.high for one in board.standings]
        ends = (min(lows, default=0.0), max(highs, default=1.0))
        return renderer.page(
            "leaderboard.html", visitor=visitor, board=board, chosen=chosen, bar=bar, ends=ends
        )  # fmt: skip

    return router


def _told(kept: KeptCard) -> dict[str, Any]:
    card = card_of(kept)
    why = objection(card.judge.name or card.judge.kind, card, DEFAULT_AGREEMENT)
    return {"id": kept.id, "card": card, "made_us": kept.made_us, "objection": why}
