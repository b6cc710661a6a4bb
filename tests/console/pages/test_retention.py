"""What is kept how long, and deleting what is kept of a user or a trace, as pages."""

import re
from html import unescape
from pathlib import Path

import pytest

from pilothouse.access import Actor, AuditFilters
from pilothouse.observe.privacy.erasures import user_hash

from ..site import HOSTILE, Gateway, answer, gateway


def record(site: Gateway, *traces: str, **more: object) -> None:
    for trace in traces:
        for span in answer(trace, **more):
            site.platform.recorder.record(span)
    site.platform.drainer.flush()


def hidden(page: str) -> dict[str, str]:
    """The fields that a page of confirmation would send."""
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)}


def erase(site: Gateway, **asked: str) -> str:
    """Go by way of both forms; the page of confirmation."""
    told = site.send("/retention/ask", "/retention", **asked)
    assert told.status_code == 200, told.text
    done = site.client.post("/console/retention/delete", data=hidden(told.text))
    assert (done.status_code, done.headers["location"]) == (303, "/console/retention?done=erased")
    return told.text


def deletions(site: Gateway) -> list[list[str]]:
    table = site.page("/retention").split('id="deletions"')[1]
    rows = re.findall(r"<tr>\s*<td>(.*?)</tr>", table, re.DOTALL)
    return [re.findall(r">([^<>\n]+)<", f">{row}")[1:] for row in rows]


def test_what_is_kept_how_long_and_how_much(tmp_path: Path) -> None:
    with gateway(tmp_path, "retention: {payloads: 7, spans: 0, rollups: 0}\n") as site:
        page = site.page("/retention")
        assert page.count("nothing yet") == 4
        record(site, "t")
        page = site.page("/retention")
        assert page.count("<td>7 days</td>") == 2
        assert page.count("<td>ever</td>") == 2
        assert "in 8 days" in page
        assert re.search(r"<rect [^>]+><title>\d{4}-\d\d-\d\d: [\d.]+ KiB</title>", page)


def test_a_user_is_deleted_and_the_deletion_told(site: Gateway) -> None:
    record(site, "a1", "a2")
    record(site, "b1", user_id="bob")
    asked = erase(site, user=" ada ")
    assert "Delete everything of the user &#39;ada&#39;?" in asked
    assert "2 traces are theirs" in asked
    assert "2 traces" in deletions(site)[0][-1]
    assert "6 spans" in deletions(site)[0][-1]
    (entry,) = site.platform.audit.list("default", filters=AuditFilters(action="traces.delete"))
    assert (entry.subject, entry.source) == (f"user:{user_hash('ada')}", "console")
    assert "ada" not in site.page("/retention").split('id="deletions"')[1]
    assert {row.trace_id for row in site.platform.traces.list().rows} == {"b1"}


def test_a_trace_is_deleted(site: Gateway) -> None:
    record(site, "a1", "a2")
    assert "Delete the trace &#39;a2&#39;?" in erase(site, trace="a2")
    assert deletions(site)[0][-1].startswith("1 trace, 3 spans")
    assert {row.trace_id for row in site.platform.traces.list().rows} == {"a1"}


def test_a_hostile_user_stays_text_and_is_deleted(site: Gateway) -> None:
    record(site, "a1", user_id=HOSTILE)
    page = erase(site, user=HOSTILE)
    assert "<img" not in page
    assert "\u202e" not in page
    assert "1 trace is theirs" in page
    assert site.platform.traces.list().rows == []


@pytest.mark.parametrize("asked", [{}, {"user": " "}, {"user": "u" * 1001}, {"trace": "t" * 1001}])
def test_what_names_nobody(site: Gateway, asked: dict[str, str]) -> None:
    assert site.send("/retention/ask", "/retention", **asked).status_code == 400


def test_no_trace_has_such_an_id(site: Gateway) -> None:
    told = site.send("/retention/delete", "/retention", trace="a b")
    assert told.status_code == 400
    assert site.send("/retention/delete", "/retention").status_code == 400


def test_only_administrators_delete_or_see_deletions(site: Gateway) -> None:
    erase(site, user="ada")
    token = hidden(site.page("/retention"))["token"]
    site.act_as("editor")
    page = site.page("/retention")
    assert "Kept for" in page
    assert "retention/ask" not in page
    assert 'id="deletions"' not in page
    for path in ("ask", "delete"):
        told = site.client.post(f"/console/retention/{path}", data={"token": token, "user": "bob"})
        assert told.status_code == 403


def test_the_list_goes_on(site: Gateway) -> None:
    for number in range(22):
        site.platform.audit.note(
            Actor("me", "cli"), "traces.delete", f"trace:t{number}", project_id="default", after={"traces": number}
        )
    page = site.page("/retention")
    older = re.search(r'href="/console(/retention\?before=[^"#]+)', page)
    assert older is not None
    assert "<code>t21</code>" in page
    assert re.findall(r"<code>(t\d+)</code>", site.page(older[1])) == ["t1", "t0"]


def test_sizes_are_shown_to_the_default_project_alone(tmp_path: Path) -> None:
    with gateway(tmp_path, "models: {}\n", project="shop") as site:
        page = site.page("/retention")
        assert "Kept for" in page
        assert "How much there is" not in page
