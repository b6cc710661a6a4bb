"""Spans one by one, filtered, in pages that join."""

from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.observations import Observations, Sought
from pilothouse.observe.scores import Score, Scores, ScoresSought
from pilothouse.storage import Store

from .conftest import Write
from .making import step

START = 1_700_000_000_000_000
DAY = 86_400_000_000


@pytest.fixture
def observations(store: Store, write: Write) -> Observations:
    write(
        [
            step("a", kind="chain", name="root", user_id="ada", session_id="s", input={"value": "q"}),
            step("b", "a", 1, kind="llm", name="gen", environment="prod", attributes={"level": "WARNING"}),
            step("c", "a", 2, kind="tool", name="tool", status="error"),
            step("d", at=2 * DAY, trace_id="u", kind="llm", name="late", environment="dev", attributes={"v": 'a"b%'}),
            step("e", at=3 * DAY, trace_id="v", project_id="other"),
        ]
    )
    return Observations(store)


def ids(observations: Observations, **sought: Any) -> str:
    return "".join(one.span.id for one in observations.page("default", Sought(**sought), 50).found)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ({}, "dcba"), ({"trace_id": "t"}, "cba"), ({"trace_id": "x"}, ""), ({"name": "gen"}, "b"),
        ({"user_id": "ada"}, "a"), ({"session_id": "s"}, "a"), ({"parent_id": "a"}, "cb"), ({"root": True}, "da"),
        ({"root": False}, "cb"), ({"status": "error"}, "c"), ({"kinds": ["llm"]}, "db"),
        ({"environments": ["prod", "dev"]}, "db"), ({"environments": ["default"]}, "ca"),
        ({"since_us": START + DAY}, "d"), ({"until_us": START + 2}, "ba"),
        ({"said": [("level", "WARNING")]}, "b"), ({"unsaid": [("level", "WARNING")]}, "dca"),
        ({"said": [("v", 'a"b%')]}, "d"), ({"said": [("v", "a")]}, ""), ({"name": "a\0"}, ""),
    ],
)  # fmt: skip
def test_filters(observations: Observations, sought: dict[str, Any], found: str) -> None:
    assert ids(observations, **sought) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_join(observations: Observations, limit: int) -> None:
    found, cursor = "", None
    while True:
        page = observations.page("default", Sought(), limit, cursor)
        found += "".join(one.span.id for one in page.found)
        cursor = page.next
        if cursor is None:
            break
    assert found == "dcba"


def test_a_page_searches_a_bounded_number_of_traces(
    observations: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.observe.observations.SEARCHED", 1)
    found, cursor, pages = "", None, 0
    while True:
        page = observations.page("default", Sought(kinds=["tool"]), 50, cursor)
        found, cursor, pages = found + "".join(one.span.id for one in page.found), page.next, pages + 1
        if cursor is None:
            break
    assert (found, pages) == ("c", 3)


def test_bodies_and_the_name_of_the_trace(observations: Observations) -> None:
    def one(bodies: bool) -> Any:
        return observations.page("default", Sought(name="root"), 1, bodies=bodies).found[0]

    assert one(True).span.input == {"value": "q"}
    assert one(False).span.input is None
    assert observations.page("default", Sought(name="gen"), 1).found[0].trace_name == "root"


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA==", "%", "W10=", "WzksImEiLDk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYiJd"])
def test_a_cursor_that_no_page_gave(observations: Observations, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        observations.page("default", Sought(), 1, cursor)


def test_scores_in_pages(store: Store) -> None:
    scores = Scores(store)
    made = [
        Score(id="1", name="good", trace_id="t", span_id="a", value=0.5, at_us=1, metadata={"k": 1}),
        Score(id="2", name="good", trace_id="u", kind="boolean", value=1.0, at_us=2, source="feedback"),
        Score(id="3", name="mood", session_id="s", kind="categorical", label="calm", at_us=2),
    ]
    scores.put("default", made)

    def found(**sought: Any) -> str:
        return "".join(score.id for score, _ in scores.page("default", ScoresSought(**sought), 50))

    assert scores.page("default", ScoresSought(id=["1"]), 1)[0][0] == made[0]
    assert found() == "321"
    assert found(name=["good"]) == found(trace_id=["t", "u"]) == "21"
    assert found(span_id=["a"]) == found(least=0.4, most=0.6) == found(until_us=2) == "1"
    assert found(kind=["categorical"]) == found(label=["calm"]) == found(session_id=["s"]) == "3"
    assert found(source=["feedback"]) == found(value=[1.0]) == "2"
    assert found(since_us=2) == "32"
    assert [score.id for score, _ in scores.page("default", ScoresSought(), 2, (2, "3"))] == ["2", "1"]
