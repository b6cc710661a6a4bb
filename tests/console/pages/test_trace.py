"""The pages of one trace, as HTML."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ..site import answer
from .test_traces import _page


def test_one_trace(client: TestClient) -> None:
    page = client.get("/console/traces/t01").text
    assert re.findall(r'href="\?span=(\w+)#detail"', page) == ["root", "find", "call"]
    assert re.search(r'href="\?span=root#detail" aria-current="true"', page)
    assert '<rect class="span" x="5.0" y="3" width="10.0"' in page
    assert '<rect class="span waiting" x="20.0"' in page
    assert "docs@3" in page
    assert "It was 5.2 billion [1]." in page
    assert "[1] report.pdf, page 3" in page


def test_a_chosen_span(client: TestClient) -> None:
    page = client.get("/console/traces/t01?span=call").text
    assert re.search(r'href="\?span=call#detail" aria-current="true"', page)
    assert "1,200 tokens, 1,000 cached" in page
    assert "52 tokens/s" in page
    assert "gen_ai.request.temperature" in page


def test_only_the_panel(client: TestClient) -> None:
    part = client.get("/console/traces/t01?span=call&part=detail").text
    assert part.strip().startswith('<aside id="detail"')
    assert "<html" not in part


def test_a_beginning_of_an_id_will_do(tmp_path: Path) -> None:
    assert "chat rag:docs" in _page(tmp_path, answer("abcdef"), "/console/traces/abc")


@pytest.mark.parametrize("path", ["zz", "%00", "t01?span=zz", "t01?span=%00", "..%2f..%2fetc", "t"])
def test_what_is_not_there(client: TestClient, path: str) -> None:
    assert client.get(f"/console/traces/{path}").status_code in (400, 404)


def test_the_whole_payload_as_a_download(client: TestClient) -> None:
    answer_ = client.get("/console/traces/t01/call.json")
    assert answer_.headers["content-type"] == "application/json"
    assert answer_.headers["content-disposition"].startswith("attachment")
    assert answer_.json()["output"]["choices"][0]["message"]["content"] == "It was 5.2 billion [1]."
    assert client.get("/console/traces/t01/none.json").json() == {}
