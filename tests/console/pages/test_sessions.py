"""The pages of sessions, as HTML."""

import re
from pathlib import Path
from urllib.parse import quote

from fastapi.testclient import TestClient

from pilothouse.call import Span
from pilothouse.principal import Principal

from ..site import HOSTILE, KEY, Keyring, answer, console


def _talk(session: str = "talk", **more: object) -> list[Span]:
    asked = ("What was the revenue?", "And the profit?", "Why?")
    return [
        span
        for number, question in enumerate(asked)
        for span in answer(f"t{number}", number * 10_000_000, question, session_id=session, **more)
    ]


def _page(tmp_path: Path, spans: list[Span], path: str, status: int = 200) -> str:
    with console(tmp_path / "home", spans) as app:
        client = TestClient(app, follow_redirects=False)
        client.post("/console/login", data={"key": KEY})
        told = client.get(path)
        assert told.status_code == status
        return told.text


def test_the_list(tmp_path: Path) -> None:
    page = _page(tmp_path, [*_talk(), *answer("alone", session_id="other")], "/console/sessions")
    assert re.findall(r'href="/console/sessions\?id=(\w+)"', page) == ["talk", "other"]
    assert "ada" in page
    assert '<td class="n">3</td>' in page
    assert "$0.0114" in page
    assert "Nothing found" in _page(tmp_path, [], "/console/sessions?user=nobody")


def test_a_conversation_in_its_order(tmp_path: Path) -> None:
    page = _page(tmp_path, _talk(), "/console/sessions?id=talk")
    said = re.findall(r'<pre dir="auto">([^<]+)</pre>', page)
    assert said[::2] == ["What was the revenue?", "And the profit?", "Why?"]
    assert said[1] == "It was 5.2 billion [1]."
    assert page.index('href="/console/traces/t0"') < page.index('href="/console/traces/t2"')


def test_a_trace_leads_to_its_session(tmp_path: Path) -> None:
    session = "a/b?c=d&e #f"
    page = _page(tmp_path, _talk(session), "/console/traces/t1")
    address = re.search(r'href="(/console/sessions[^"]+)"', page)
    assert address is not None
    assert "And the profit?" in _page(tmp_path, [], address[1])


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "no such session" in _page(tmp_path, [], "/console/sessions?id=none", 404)
    assert "No sessions yet" in _page(tmp_path, [], "/console/sessions")
    _page(tmp_path, _talk(), "/console/sessions?before=nonsense", 400)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    spans = [*_talk(HOSTILE, user_id=HOSTILE, name=HOSTILE), *answer("t9", 9, HOSTILE, session_id=HOSTILE)]
    for path in ("/console/sessions", f"/console/sessions?id={quote(HOSTILE)}", f"/console/sessions?text={quote('<')}"):
        page = _page(tmp_path, spans, path)
        assert "⟨U+202E⟩" in page
        assert "<img" not in page
        assert page.count("<script") == 1
        assert "\u202e" not in page


def test_a_conversation_is_judged_as_a_whole(tmp_path: Path, keyring: Keyring) -> None:
    session = f"a/b?c {HOSTILE}"
    address = f"/console/sessions?id={quote(session)}"
    with console(tmp_path / "home", _talk(session), keyring) as app:
        client = TestClient(app, follow_redirects=False)
        client.post("/console/login", data={"key": KEY})
        token = re.search(r'name="token" value="(\w+)"', client.get(address).text)
        assert token is not None
        sent = {"token": token[1], "name": "solved", "value": "0.75", "comment": HOSTILE}
        told = client.post(f"/console/sessions/scores?id={quote(session)}", data=sent)
        page = client.get(told.headers["location"]).text
        assert "Your judgement is kept." in page
        assert "<bdi>solved</bdi> 0.75" in page
        assert "<img" not in page
        assert client.post("/console/sessions/scores?id=none", data=sent).status_code == 404
        keyring.principal = Principal("default", "member:bob", "viewer")
        page = client.get(address).text
        assert "<bdi>solved</bdi> 0.75" in page
        assert 'class="judge"' not in page
