"""Approvals in the database: decided once, by another than who asked, and expired in silence."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pilothouse.access import Audit, Keys
from pilothouse.access.audit import SYSTEM
from pilothouse.access.shapes import KeySettings
from pilothouse.agents.approvals import Approvals
from pilothouse.agents.approving import Asked
from pilothouse.agents.people import by_people_here
from pilothouse.api.approvals import routes
from pilothouse.api.management import management
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.settings import Settings
from pilothouse.storage import open_store

ASKED = Asked("mailer", "send", "write", '{"to": "bob"}', ("Because.",), ("tool:fetch",), "t1", "Send it.")
AGENT = Principal("default", "key_agent", "editor", name="agent")
ADA = Principal("default", "key_ada", "editor", name="ada")


def test_a_call_is_decided_once_and_by_another(store: Any) -> None:
    now = [1_000_000]
    approvals = Approvals(store, lambda: now[0])
    waiting = approvals.ask("default", ASKED, 60, AGENT)
    assert (waiting.status, waiting.arguments, waiting.why) == ("pending", '{"to": "bob"}', ("Because.",))
    assert waiting.expires_us == 61_000_000
    with pytest.raises(Forbidden, match="Who asks does not decide"):
        approvals.decide("default", waiting.id, AGENT, SYSTEM, approved=True)
    with pytest.raises(NotFound):
        approvals.decide("shop", waiting.id, ADA, SYSTEM, approved=True)
    made = approvals.decide("default", waiting.id, ADA, SYSTEM, approved=False, reason="no")
    assert (made.status, made.decided_by, made.reason) == ("denied", SYSTEM.name, "no")
    with pytest.raises(Conflict, match="It is denied already"):
        approvals.decide("default", waiting.id, ADA, SYSTEM, approved=True)
    (entry,) = Audit(store.control).list("default")
    assert (entry.action, entry.subject) == ("approval.deny", f"approval:{waiting.id}")
    assert "bob" not in json.dumps(entry.after)

    now[0] += 1
    late = approvals.ask("default", ASKED, 60, AGENT)
    assert [one.id for one in approvals.list("default", pending=True)] == [late.id]
    now[0] += 60_000_000
    assert approvals.list("default", pending=True) == []
    assert [one.status for one in approvals.list("default")] == ["expired", "denied"]
    assert [one.id for one in approvals.list("default", limit=1, before=late.id)] == [waiting.id]
    with pytest.raises(Conflict, match="It is expired already"):
        approvals.decide("default", late.id, ADA, SYSTEM, approved=True)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Any]:
    store = open_store(Settings(home=tmp_path / "home"))
    yield store
    store.close()


@pytest.mark.parametrize("word", [True, False, None], ids=["yes", "no", "silence"])
async def test_an_agent_waits_for_the_word(kept: Any, word: bool | None) -> None:
    now = [1_000_000]
    approvals, asked = Approvals(kept, lambda: now[0]), asyncio.Event()

    async def pause() -> None:
        asked.set()
        if word is None:
            now[0] += 60_000_000
            return
        (waiting,) = approvals.list("default", pending=True)
        approvals.decide("default", waiting.id, EMBEDDED, SYSTEM, approved=word, reason="so")

    told: Any = by_people_here(approvals, "default", seconds=60, pause=pause)(ASKED)
    decision = await told
    assert asked.is_set()
    assert decision.approved is (word is True)
    assert decision.reason == ("nobody decided in time" if word is None else "so")


def test_what_cannot_wait_is_refused(kept: Any) -> None:
    approvals = Approvals(kept)
    with pytest.raises(InvalidRequest, match="a day at most"):
        approvals.ask("default", ASKED, 1e9, AGENT)
    with pytest.raises(InvalidRequest, match="cannot be shown"):
        approvals.ask("default", Asked("a", "t", "write", "x" * 500_000, ()), 60, AGENT)


def test_over_http_a_caller_asks_and_sees_its_own_and_an_editor_decides(kept: Any) -> None:
    keys = Keys(kept.control)
    keys.set_master("ph-master")
    app = management([routes(Approvals(kept))], keys, 1_000_000)

    def client(role: Any) -> TestClient:
        secret, _ = keys.create(f"{role}", role, KeySettings())
        return TestClient(app, headers={"authorization": f"Bearer {secret}"})

    agent, other, editor, viewer = client("caller"), client("caller"), client("editor"), client("viewer")
    body = {"agent": "mailer", "tool": "send", "severity": "write", "arguments": '{"to": "bob"}', "why": ["Because."]}
    made = agent.post("/api/approvals", json=body)
    assert made.status_code == 201, made.text
    at = f"/api/approvals/{made.json()['id']}"
    assert "asker" not in made.json()
    assert agent.get(at).json()["status"] == viewer.get(at).json()["status"] == "pending"
    assert other.get(at).status_code == 404
    assert agent.get("/api/approvals").status_code == 403
    assert [one.post(at, json={"approved": True}).status_code for one in (agent, other, viewer)] == [403] * 3
    assert editor.post(at, json={"approved": True, "reason": "fine"}).json()["status"] == "approved"
    assert editor.post(at, json={"approved": False}).status_code == 409
    assert agent.get(at).json()["reason"] == "fine"
    assert viewer.get("/api/approvals?pending=true").json() == []

    own = editor.post("/api/approvals", json=body).json()["id"]
    assert editor.post(f"/api/approvals/{own}", json={"approved": True}).status_code == 403
    for wrong in ({"arguments": "[1]"}, {"arguments": "{"}, {"severity": "mild"}, {"seconds": -1}, {"agent": "a\0"}):
        assert agent.post("/api/approvals", json={**body, **wrong}).status_code in (400, 422), wrong
