"""Sessions: the list of conversations, and one as the traces it is made of, in their order."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Sent
from pilothouse.console.judging import judgement
from pilothouse.console.payload import Turn, turns
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.visitor import Guest
from pilothouse.errors import NotFound
from pilothouse.observe import Filters, Traces
from pilothouse.types import Json

__all__ = ["pages"]

_ROWS, _TURNS = 50, 50
_SPOKEN = ("user", "assistant", "completion", "prompt", "input", "query", "text", "answer")
_LONGEST = 4000
_GONE = "There is no such session. Its traces may have been deleted."


def pages(traces: Traces, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the sessions of one project."""
    router = APIRouter(prefix="/sessions")

    @router.get("")
    def page(
        visitor: Guest, id: str = "", text: str = "", user: str = "", before: str | None = None, done: str = ""
    ) -> Response:  # fmt: skip
        if id:
            return _one(visitor, id, before, done)
        chosen = {name: value.strip() for name, value in (("text", text), ("user", user)) if value.strip()}
        found = traces.sessions.page(project, _ROWS, before or None, **chosen)
        return renderer.page(
            "sessions.html", visitor=visitor, page=found, chosen=chosen, before=before, first=_link(chosen),
            older=_link({**chosen, "before": found.next or ""}),
        )  # fmt: skip

    def _one(visitor: Guest, session: str, before: str | None, done: str) -> Response:
        summed = traces.sessions.get(session, project)
        if summed is None:
            raise NotFound(_GONE)
        found = traces.list(project, _TURNS, before or None, Filters(session_id=session))
        bodies = traces.root_bodies(found.rows, project)
        told = [(row, _spoken(bodies.get(row.trace_id, {}))) for row in reversed(found.rows)]
        return renderer.page(
            "session.html", visitor=visitor, session=summed, turns=told, before=before,
            judged=traces.scores.of_session(session, project), done=done, first=_link({"id": session}),
            older=_link({"id": session, "before": found.next or ""}), next=found.next,
        )  # fmt: skip

    @router.post("/scores")
    def judge(visitor: Guest, form: Sent, id: str) -> Response:
        if traces.sessions.get(id, project) is None:
            raise NotFound(_GONE)
        traces.scores.put(project, [judgement(form, visitor.principal, session=id)])
        return RedirectResponse(_link({"id": id, "done": "judged"}), 303)

    return router


def _spoken(body: Json) -> list[Turn]:
    """What was said in a turn: the last question, and the answer. What came before it is in the turns before."""
    asked = [turn for turn in turns(body.get("input")) if turn.role in _SPOKEN and turn.role != "assistant"][-1:]
    said = [turn for turn in turns(body.get("output")) if turn.role in _SPOKEN]
    return [_short(turn) for turn in (asked or turns(body.get("input"))[-1:]) + (said or turns(body.get("output"))[:1])]


def _short(turn: Turn) -> Turn:
    return Turn(turn.role, turn.text[:_LONGEST], turn.code, turn.cut + max(0, len(turn.text) - _LONGEST))


def _link(parameters: dict[str, str]) -> str:
    return f"{ROOT}/sessions" + (f"?{urlencode(parameters)}" if parameters else "")
