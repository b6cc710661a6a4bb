"""The pages of the traces, as HTML."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.call import Span
from pilothouse.observe import Filters

from ..site import HOSTILE, KEY, START, answer, console


def _ids(page: str) -> list[str]:
    return re.findall(r'href="/console/traces/(\w+)"', page)


def test_the_list(client: TestClient) -> None:
    page = client.get("/console/traces").text
    assert len(_ids(page)) == 50
    assert _ids(page)[0] == "t59"
    assert "What was the revenue?" in page
    assert "$0.003800" in page
    assert "1,200 <i>→</i> 80" in page
    assert "2.00 s" in page


def test_older_and_back(client: TestClient) -> None:
    page = client.get("/console/traces?status=ok").text
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older is not None
    second = client.get(older[1].replace("&amp;", "&")).text
    assert _ids(second) == [f"t{i:02}" for i in reversed(range(10))]
    assert 'href="/console/traces?status=ok">← Newest' in second
    assert 'rel="next"' not in second
    assert "data-live" not in second


def test_filters_are_in_the_address(client: TestClient) -> None:
    page = client.get("/console/traces", params={"text": "t07", "model": "openai/gpt-4o", "status": "ok"}).text
    assert _ids(page) == ["t07"]
    assert 'name="text" value="t07"' in page
    assert "<option selected>ok</option>" in page


@pytest.mark.parametrize(
    "query",
    [
        "text=%00&model=%00&status=%00", "status=nonsense", "text=%27%20OR%201%3D1", "text=%ff%fe",
        "text=" + "x" * 5000, "period=15m",
    ],
)  # fmt: skip
def test_filters_that_find_nothing(client: TestClient, query: str) -> None:
    answer_ = client.get(f"/console/traces?{query}")
    assert answer_.status_code == 200
    assert "Nothing found" in answer_.text


def test_an_alert_leads_to_its_traces(client: TestClient) -> None:
    """Filters that no field of the form holds stand in the address, are shown, and stay when the form is sent."""
    window = f"since_us={START}&until_us={START + 10**15}"
    page = client.get(f"/console/traces?{window}&slower_us=1000000&user_id=ada").text
    assert len(_ids(page)) == 50
    assert 'name="slower_us" value="1000000"' in page
    assert "1.00 s" in page
    without = f"since_us={START}&amp;until_us={START + 10**15}&amp;slower_us=1000000"
    assert f'href="/console/traces?{without}" aria-label="Without this filter"' in page
    for nothing in (f"until_us={START}", "slower_us=900000000000", "user_id=nobody", f"since_us={START + 10**15}"):
        assert "Nothing found" in client.get(f"/console/traces?{nothing}").text, nothing
    bad = f"since_us=-1&slower_us=1e9&dearer_nano=%C2%B2&until_us={'9' * 30}"
    assert len(_ids(client.get(f"/console/traces?{bad}").text)) == 50


def test_the_form_leads_to_an_address_for_people(client: TestClient) -> None:
    sent = {"text": "t0", "model": "", "status": "", "period": "", "user_id": "ada"}
    sent |= {"tag": "", "slower": "1500", "from": ""}
    told = client.get("/console/traces", params=sent)
    assert told.status_code == 303
    assert told.headers["location"] == "/console/traces?text=t0&user_id=ada&slower_us=1500000"
    page = client.get(told.headers["location"]).text
    assert len(_ids(page)) == 10
    assert 'name="slower" value="1500"' in page
    assert 'name="user_id" value="ada"' in page


def test_every_filter_has_a_field(client: TestClient) -> None:
    page = client.get("/console/traces").text
    for name in Filters.__dataclass_fields__:
        field = {"since_us": "from", "until_us": "to", "slower_us": "slower", "dearer_nano": "dearer"}.get(name, name)
        assert f'name="{field}"' in page or name == "since_us", name


def test_a_period_that_does_not_exist_does_not_filter(client: TestClient) -> None:
    assert len(_ids(client.get("/console/traces?period=nonsense").text)) == 50


def test_a_place_that_no_page_gave(client: TestClient) -> None:
    answer_ = client.get("/console/traces?before=%3Cscript%3E")
    assert answer_.status_code == 400
    assert "<script>" not in answer_.text.replace("<script src=", "")


def test_no_traces_yet(tmp_path: Path) -> None:
    page = _page(tmp_path, [], "/console/traces")
    assert "No traces yet" in page
    assert "/v1/chat/completions" in page


def _page(tmp_path: Path, spans: list[Span], path: str) -> str:
    with console(tmp_path / "home", spans) as app:
        client = TestClient(app, follow_redirects=False)
        client.post("/console/login", data={"key": KEY})
        answer_ = client.get(path)
        assert answer_.status_code == 200
        return answer_.text


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    spans = answer(
        "bad", question=HOSTILE, name=HOSTILE, error_code=HOSTILE, error_message=HOSTILE, status="error",
        request_model=HOSTILE, deployment=HOSTILE, user_id=HOSTILE, session_id=HOSTILE, manifest_id=HOSTILE,
        versions={HOSTILE: HOSTILE}, attributes={HOSTILE: HOSTILE, "list": [HOSTILE]},
    )  # fmt: skip
    for path in ("/console/traces", "/console/traces/bad", f"/console/traces?text={START}&model=%3Cscript%3E"):
        page = _page(tmp_path, spans, path)
        assert "<img" not in page
        assert page.count("<script") == 1
        assert "\u202e" not in page
        assert "\0" not in page
    assert "⟨U+202E⟩" in _page(tmp_path, spans, "/console/traces")


def test_a_megabyte_of_text(tmp_path: Path) -> None:
    spans = answer("big", question="x" * 1_000_000, name="n" * 1_000_000, error_message="e" * 1_000_000)
    page = _page(tmp_path, spans, "/console/traces/big")
    assert len(page) < 100_000
    assert "980,000 more characters" in page
    assert len(_page(tmp_path, spans, "/console/traces")) < 20_000


def test_unknown_prices_are_said(tmp_path: Path) -> None:
    spans = answer("t")
    spans[1].cost_nano, spans[1].cost_known = None, False
    assert 'unsure">unknown' in _page(tmp_path, spans, "/console/traces")
    assert "unknown" in _page(tmp_path, spans, "/console/traces/t?span=call")


def test_a_trace_without_its_root_is_still_shown(tmp_path: Path) -> None:
    page = _page(tmp_path, answer("t")[:2], "/console/traces/t")
    assert "chat openai/gpt-4o" in page
