"""The pages of one trace, as HTML."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.call import Span
from pilothouse.principal import Principal

from ..site import HOSTILE, KEY, START, Keyring, answer, console
from .test_traces import _page

_SPECIAL = {"trace_id": "many", "project_id": "default", "kind": "tool"}


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


# ---- the tree of the steps


def _step(span_id: str, parent: str | None, at: int = 0, lasting: int = 10, **more: object) -> Span:
    start = START + at
    fields = {**_SPECIAL, "id": span_id, "parent_id": parent, "name": span_id, "start_us": start, **more}
    return Span(**{"end_us": start + lasting, **fields})  # type: ignore[arg-type]


class _Nesting(HTMLParser):
    """The chain of steps around each step, from the lists that the page nests; fails where a tag is closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.around: list[str] = []
        self.found: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("ol", "li", "details"):
            self.open.append(tag)
        if tag == "li":
            self.around.append("")
        if tag == "a" and (given.get("class") or "").startswith("step "):
            self.around[-1] = (given["href"] or "")[6:].partition("#")[0]
            self.found[self.around[-1]] = self.around[:-1]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ol", "li", "details"):
            assert self.open.pop() == tag
        if tag == "li":
            self.around.pop()


def _nesting(page: str) -> dict[str, list[str]]:
    parser = _Nesting()
    parser.feed(page[page.index('<section class="waterfall"') : page.index('<aside id="detail"')])
    assert parser.open == []
    return parser.found


def test_steps_are_nested_and_can_be_folded(tmp_path: Path) -> None:
    spans = [
        _step("a", None, 0, 100), _step("b", "a", 1), _step("c", "b", 2), _step("d", "b", 3, status="error"),
        _step("e", "a", 4), _step("f", None, 5),
    ]  # fmt: skip
    page = _page(tmp_path, spans, "/console/traces/many")
    assert _nesting(page) == {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["a", "b"], "e": ["a"], "f": []}
    assert page.count('<details class="inside" open>') == 2
    assert page.count("troubled") == 2


def test_the_first_thousand_of_five_thousand_steps(tmp_path: Path) -> None:
    spans = [_step("root", None, 0, 10_000_000)]
    spans += [_step(f"s{i:04}", "root" if i % 50 == 0 else f"s{i - 1:04}", 1 + i) for i in range(4999)]
    with console(tmp_path / "home", spans) as app:
        client = TestClient(app)
        client.post("/console/login", data={"key": KEY})
        page = client.get("/console/traces/many").text
        assert len(_nesting(page)) == 1000
        assert "The first 1,000 of 5,000 steps are shown" in page
        last = client.get("/console/traces/many?span=s4998").text
        assert "<h2><bdi>s4998</bdi></h2>" in last


def test_cycles_orphans_and_clocks_that_run_backwards(tmp_path: Path) -> None:
    spans = [
        _step("x", "y", 5), _step("y", "x", 6), _step("self", "self", 7), _step("orphan", "gone", 8),
        _step("back", None, 9, -5_000_000), _step("early", "back", -9_000_000),
        _step("old", None, -START), _step("late", None, 0, 2**53),
    ]  # fmt: skip
    page = _page(tmp_path, spans, "/console/traces/many")
    nested = _nesting(page)
    assert len(nested) == 8
    assert (nested["x"], nested["y"], nested["self"], nested["orphan"]) == ([], ["x"], [], [])
    assert "nan" not in page
    for x, width in re.findall(r'<rect class="span" x="([^"]+)" y="3" width="([^"]+)"', page):
        assert 0 <= float(x) <= 1000
        assert 0 < float(width) <= 1000


# ---- judging


@pytest.fixture
def visitor(tmp_path: Path, keyring: Keyring) -> Iterator[TestClient]:
    with console(tmp_path / "judged", answer("t"), keyring) as app, TestClient(app, follow_redirects=False) as client:
        client.post("/console/login", data={"key": KEY})
        yield client


def _judge(client: TestClient, span: str = "", **fields: str) -> str:
    page = client.get(f"/console/traces/t?span={span}").text
    token = re.search(r'name="token" value="(\w+)"', page)
    assert token is not None
    told = client.post("/console/traces/t/scores", data={"token": token[1], "span": span, **fields})
    assert told.status_code == 303, told.text
    return client.get(told.headers["location"]).text


def test_a_thumb_with_a_comment(visitor: TestClient) -> None:
    page = _judge(visitor, thumb="up", comment="Right, and short")
    assert "Your judgement is kept." in page
    assert "<bdi>feedback</bdi> yes" in page
    assert "Right, and short" in page
    again = _judge(visitor, thumb="down")
    assert "<bdi>feedback</bdi> no" in again
    assert "<bdi>feedback</bdi> yes" not in again


def test_a_score_of_a_step_stands_beside_it(visitor: TestClient) -> None:
    _judge(visitor, "call", name="tone", value="0.25")
    page = _judge(visitor, "call", name="language", value="English")
    step = page[page.index('href="?span=call#detail"') :].partition("</li>")[0]
    assert "<bdi>tone</bdi> 0.25" in step
    assert "<bdi>language</bdi> <bdi>English</bdi>" in step
    assert "tone" not in visitor.get("/console/traces/t?span=find&part=detail").text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 403), ({"token": "forged", "thumb": "up"}, 403), ({"thumb": "sideways"}, 400), ({"name": "n"}, 400),
        ({"name": "n" * 201, "value": "1"}, 400), ({"thumb": "up", "span": "none"}, 404),
    ],
)  # fmt: skip
def test_what_is_no_judgement(visitor: TestClient, fields: dict[str, str], status: int) -> None:
    token = re.search(r'name="token" value="(\w+)"', visitor.get("/console/traces/t").text)
    assert token is not None
    sent = fields if not fields or "token" in fields else {"token": token[1], **fields}
    assert visitor.post("/console/traces/t/scores", data=sent).status_code == status
    assert "<bdi>feedback</bdi>" not in visitor.get("/console/traces/t").text


def test_a_viewer_judges_nothing(visitor: TestClient, keyring: Keyring) -> None:
    keyring.principal = Principal("default", "member:eve", "viewer", name="Eve")
    page = visitor.get("/console/traces/t").text
    assert 'class="judge"' not in page
    assert "It was 5.2 billion" in page
    assert visitor.post("/console/traces/t/scores", data={"thumb": "up"}).status_code == 403


def test_a_step_as_an_item_of_a_dataset(visitor: TestClient) -> None:
    _judge(visitor, thumb="up", comment="Right")
    _judge(visitor, "call", name="tone", value="0.25")
    told = visitor.get("/console/traces/t/item")
    assert told.headers["content-disposition"] == 'attachment; filename="item-t.jsonl"'
    item = json.loads(told.text)
    assert item["input"]["messages"][0]["content"] == "What was the revenue?"
    assert item["scores"] == [{"name": "feedback", "value": 1.0, "source": "console", "comment": "Right"}]
    assert '"ada"' not in told.text
    assert json.loads(visitor.get("/console/traces/t/item?span=call").text)["scores"][0]["value"] == 0.25
    assert visitor.get("/console/traces/t/item?span=none").status_code == 404


def test_why_it_went_so(visitor: TestClient) -> None:
    page = visitor.get("/console/traces/t/explain").text
    assert 'href="/console/traces/t?span=call#detail"' in page
    assert "openai/gpt-4o" in page


def test_hostile_judgements_stay_text(visitor: TestClient) -> None:
    _judge(visitor, "call", name=HOSTILE, value=HOSTILE, comment=HOSTILE)
    for path in ("/console/traces/t?span=call", "/console/traces/t", "/console/traces/t?span=call&part=detail"):
        page = visitor.get(path).text
        assert "<img" not in page
        assert page.count("<script") == ("part" not in path)
        assert "\u202e" not in page
