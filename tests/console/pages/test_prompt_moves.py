"""What moves labels, from the page of a prompt: promoting, past a gate, by a second person; rolling back."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.principal import Principal
from pilothouse.prompts.content import content_of

from ..site import Gateway, gateway

ADA = Actor("ada", "console")


class Strict:
    """A guard that lets version 2 pass alone, and wants a second person for what is called `live`."""

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        return [] if version == 2 else [f"Version {version} was not evaluated.", "Evaluate it first."]

    def approvals(self, project: str, name: str, label: str) -> int:
        return int(label == "live")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, "{}") as made:
        for template in ("one", "two", "three"):
            made.platform.prompts.prompts.create("default", "a/b", content_of({"template": template}), by=ADA)
        yield made


def label(site: Gateway, name: str = "production") -> int | None:
    return site.platform.prompts.prompts.prompt("default", "a/b").labels.get(name)


def test_promote_and_roll_back_in_one_click(site: Gateway) -> None:
    page, one = "/prompts/move?name=a/b&version={}", "/prompts/one?name=a/b"
    assert "Nothing has the label" in site.page(page.format(1))
    for version, expected in ((1, 0), (2, 1)):
        sent = site.send(
            page.format(version), label="production", asked="production", expected=expected, reason="it is better"
        )
        assert sent.headers["location"] == f"/console/prompts/one?name=a%2Fb&version={version}&done=promoted"
    assert "<mark>two</mark>" in site.page("/prompts/diff?name=a/b&old=1&new=2")
    stale = site.send(page.format(3), label="production", asked="production", expected=1)
    assert (stale.status_code, label(site)) == (409, 2)
    assert "by now" in stale.text
    assert site.send("/prompts/rollback?name=a/b", one, label="production", move="1").status_code == 409
    assert site.send("/prompts/rollback?name=a/b", one, label="production", move="2", action="x").status_code == 400
    back = site.send("/prompts/rollback?name=a/b", one, label="production", move="2", reason="complaints")
    assert (back.status_code, label(site)) == (303, 1)
    assert "complaints" in site.page("/prompts/history?name=a/b")
    assert "Roll back to version" not in site.page(one)  # there is nothing before it
    again = site.send("/prompts/rollback?name=a/b", one, label="production", move="3")
    assert again.status_code == 409
    assert "nothing before" in again.text
    site.send("/prompts/rollback?name=a/b", one, label="production", move="3", action="unlabel")
    assert label(site) is None
    for odd in ("latest", "No label", ""):
        assert site.send(page.format(1), label=odd).status_code == 400
    assert site.client.post("/console/prompts/rollback?name=a/b", data={"label": "production"}).status_code == 403


def test_a_gate_refuses_and_by_force_a_reason_is_needed(site: Gateway) -> None:
    site.platform.prompts.prompts.guard = Strict()
    page = "/prompts/move?name=a/b&version=3"
    asked = {"label": "production", "asked": "production", "expected": 0}
    assert "<li><bdi>Version 3 was not evaluated.</bdi></li>" in site.page(page)
    refused = site.send(page, **asked)
    assert refused.status_code == 409
    assert "<li><bdi>Version 3 was not evaluated.</bdi></li>" in refused.text
    assert 'name="force"' in refused.text
    assert "by force needs a reason" in site.send(page, **asked, force="yes").text
    assert site.send(page, **asked, force="yes", reason="x" * 3000).status_code == 400
    assert site.send(page, **asked, force="yes", reason="an outage").status_code == 303
    assert "past its gate" in site.page("/prompts/one?name=a/b")
    assert label(site) == 3


def test_a_second_person_agrees_or_does_not(site: Gateway) -> None:
    site.platform.prompts.prompts.guard = Strict()
    page, decide, one = (
        "/prompts/move?name=a/b&version=2&label=live",
        "/prompts/decide?name=a/b",
        "/prompts/one?name=a/b",
    )
    assert "Ask a second person" in site.page(page)
    assert (
        site.send(page, label="live", asked="live", expected=0, reason="please")
        .headers["location"]
        .endswith("done=waits")
    )
    assert "waits for a second person" in site.page("/prompts")
    waiting = site.platform.prompts.prompts.pending("default", "a/b")[0].id
    own = site.send(decide, one, id=waiting, decision="approve")
    assert (own.status_code, label(site, "live")) == (403, None)
    assert "another person must agree" in own.text
    site.keyring.principal = Principal("default", "member:ben", "editor", name="Ben")
    assert site.send(decide, one, id=waiting, decision="").status_code == 400
    assert site.send(decide, one, id=waiting, decision="approve").headers["location"].endswith("done=approved")
    assert label(site, "live") == 2
    assert "approved by" in site.page(one)
    assert site.send(decide, one, id=waiting, decision="reject").status_code == 409
    assert site.send(decide, one, id="none", decision="reject").status_code == 404


def test_what_is_said_of_a_prompt_and_the_archive(site: Gateway) -> None:
    describe, one = "/prompts/describe?name=a/b", "/prompts/one?name=a/b"
    site.send(describe, one, action="save", description="For tests.\r\n", tags="rag, support")
    assert site.send(describe, one).status_code == 400  # which says nothing, and takes nothing away
    page = site.page(one)
    assert "For tests." in page
    assert 'value="rag, support"' in page
    site.platform.prompts.prompts.promote("default", "a/b", 1, by=ADA)
    assert "is in use" in site.send(describe, one, action="archive").text
    site.send("/prompts/rollback?name=a/b", one, label="production", move="1", action="unlabel")
    assert site.send(describe, one, action="archive").headers["location"].endswith("done=archived")
    assert "a/" not in re.findall(r"<bdi>(.*?)</bdi>", site.page("/prompts"))
    assert "archived</span>" in site.page(one)
    assert site.send("/prompts/move?name=a/b&version=1", label="x", asked="x", expected=0).status_code == 409
    assert site.send(describe, one, action="restore").status_code == 303
    assert "a/" in re.findall(r"<bdi>(.*?)</bdi>", site.page("/prompts"))
    assert site.send(describe, one, action="save", tags="x" * 100).status_code == 400


def test_a_label_is_moved_once_its_state_was_shown(site: Gateway) -> None:
    page = "/prompts/move?name=a/b&version=2&label=staging"
    site.platform.prompts.prompts.promote("default", "a/b", 1, by=ADA)
    other = site.send(page, label="production", asked="staging", expected=0)
    assert "points to version 1 now" in other.text
    assert "Promote again" in other.text
    assert label(site) == 1
    for expected in ("", "x", "9" * 30):
        site.send(page, label="production", asked="production", expected=expected)
    assert label(site) == 1


def test_two_clicks_at_once_roll_back_once(site: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, one = site.platform.prompts.prompts, "/prompts/one?name=a/b"
    for version in (1, 2, 3):
        prompts.promote("default", "a/b", version, by=ADA)
    history = type(prompts).history

    def moved_after(*given: Any, **more: Any) -> Any:
        """The other click, between the look at the label and what is done."""
        found = history(*given, **more)
        monkeypatch.undo()
        prompts.rollback("default", "a/b", by=ADA)
        return found

    token = re.findall(r'name="token" value="(\w+)"', site.page(one))[0]
    fields = {"token": token, "label": "production", "move": "3"}
    monkeypatch.setattr(type(prompts), "history", moved_after)
    sent = site.client.post("/console/prompts/rollback?name=a/b", data=fields)
    assert (sent.status_code, label(site)) == (409, 2)


def test_the_history_rolls_back_too(site: Gateway) -> None:
    for version in (1, 2):
        site.platform.prompts.prompts.promote("default", "a/b", version, by=ADA)
    assert site.page("/prompts/history?name=a/b").count("Roll back to version 1") == 1
    site.act_as("viewer")
    assert "Roll back" not in site.page("/prompts/history?name=a/b")
