"""Recorded calls and their scores become pairs, over either database."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.config import Config
from pilothouse.errors import InvalidRequest
from pilothouse.lifecycle import judged
from pilothouse.lifecycle.judged import Judged, Sides, judged_pairs
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store

from .conftest import START, Write, ask

CONFIG = Config.model_validate(
    {
        "models": {
            "fast": {"deployments": [{"provider": "pool", "model": "small"}]},
            "smart": {"deployments": [{"provider": "pool", "model": "large"}, {"provider": "pool", "model": "both"}]},
            "auto": {"strategy": "complexity", "simple": "fast", "complex": "smart"},
        }
    }
)
SIDES = Sides.of(CONFIG, "fast", "smart")
Judge = Callable[..., None]


def large(at: float, text: str = "How high is the tower?", **changes: Any) -> Span:
    return ask(at, text, **{"deployment": "pool/large", "request_model": "auto", "cost_nano": 9_000_000, **changes})


@pytest.fixture
def judge(store: Store) -> Judge:
    """Score calls: `judge((span, value), ...)`, of their traces unless `of_span`."""
    number = iter(range(10_000))

    def put(*given: tuple[Span, float], name: str = "good", of_span: bool = False, kind: str = "numeric") -> None:
        scores = [
            Score(
                id=f"s{next(number):04}", name=name, trace_id=span.trace_id, span_id=span.id if of_span else None,
                kind=kind, value=value, at_us=span.end_us,
            )
            for span, value in given
        ]  # fmt: skip
        Scores(store).put("default", scores)

    return put


def read(store: Store, project: str = "default", since: int = START, **options: Any) -> Judged:
    return judged_pairs(store, project, "good", SIDES, since, **options)


def test_a_request_asked_of_both_is_a_pair(store: Store, write: Write, judge: Judge) -> None:
    again = "How deep is the well?"
    spans = [
        ask(0, session_id="s1"), ask(1, session_id="s2"), large(2, session_id="s1"), ask(3, again), large(4, again),
        ask(5, "Only the small one was asked?"), large(6, "Only the large one was asked?"),
    ]  # fmt: skip
    write(spans)
    judge(*zip(spans, (0.5, 0.0, 1.0, 1.0, 0.0, 0.3, 0.3), strict=True))
    judge((spans[2], 0.5), of_span=True)
    judge((spans[0], 0.0), name="another")
    found = read(store)
    pairs = {pair.text: pair for pair in found.pairs}
    tower, well = pairs["How high is the tower?"], pairs[again]
    assert len(pairs) == len(found.features) == 2
    assert (tower.simple_score, tower.complex_score) == (0.25, 0.75)
    assert (tower.simple_cost, tower.complex_cost) == (0.001, 0.009)
    assert (well.simple_score, well.complex_score) == (1.0, 0.0)
    assert tower.group == "session_id s1"
    assert well.group == min(f"trace {spans[i].trace_id}" for i in (3, 4))
    assert found.answered == {"simple": 4, "complex": 4}
    assert not found.left_out


def test_what_shapes_the_answer_makes_another_request(store: Store, write: Write, judge: Judge) -> None:
    body = ask(0).input
    assert body is not None
    tool = {"type": "function", "function": {"name": "look"}}
    system = [{"role": "system", "content": "Be brief."}, *body["messages"]]
    others = [{**body, "tools": [tool]}, {**body, "messages": system}, {**body, "temperature": 0.5, "model": "x"}]
    spans = [ask(0), *(large(i + 1, input=other) for i, other in enumerate(others))]
    write(spans)
    judge(*((span, 1.0) for span in spans[:3]))
    assert read(store).pairs == []
    judge((spans[3], 1.0))
    assert len(read(store).pairs) == 1


def test_shadow_traffic_pairs_with_what_it_mirrors(store: Store, write: Write, judge: Judge) -> None:
    """Also where the live call came in another dialect."""
    body = {"max_tokens": 9, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello?"}]}
    live = ask(0, operation="messages", input=body, user_id="ada")
    told = {"shadow": True, "shadow_model": "smart"}
    held = ask(1, kind="evaluator", operation="shadow", parent_id=live.id, trace_id=live.trace_id, attributes=told)
    mirrored = large(
        2, "Hello?", parent_id=held.id, trace_id=live.trace_id, attributes={"shadow": True}, request_model="smart"
    )
    write([live, held, mirrored])
    judge((live, 0.0))
    judge((mirrored, 1.0), of_span=True)
    (pair,) = read(store).pairs
    assert (pair.text, pair.simple_score, pair.complex_score, pair.group) == ("Hello?", 0.0, 1.0, "user_id ada")


def test_the_deployment_says_who_answered_else_the_names(store: Store, write: Write, judge: Judge) -> None:
    """A call to `fast` that fell back on `smart`; and a program's own call, which names no deployment."""
    fell_back = ask(1, deployment="pool/both", request_model="fast")
    own = ask(0, deployment=None, request_model="gpt-small", response_model="small-2026")
    stranger = ask(2, deployment="pool/elsewhere", request_model="auto", response_model="elsewhere")
    write([own, fell_back, stranger])
    judge((own, 1.0), (fell_back, 0.0), (stranger, 0.0))
    assert read(store).answered == {"complex": 1}
    assert read(store).left_out == {"another model answered": 2}
    named = Sides.of(CONFIG, "small-2026", "pool/both")
    assert len(judged_pairs(store, "default", "good", named, START).pairs) == 1


def test_what_says_nothing_is_left_out_and_told(store: Store, write: Write, judge: Judge) -> None:
    spans = [
        ask(0, attributes={"cache": "exact"}), ask(1, status="error"), ask(2, input=None),
        ask(3, input={"messages": 7}), ask(4, " "), large(5, " "),
    ]  # fmt: skip
    write(spans)
    judge(*((span, 1.0) for span in spans))
    judge((ask(6), 1.0))
    assert read(store).pairs == []
    assert read(store).left_out == {
        "a cache answered, or no model": 1, "no chat was answered": 1, "what was asked is not kept": 2,
        "their text is empty": 1, "their calls are not recorded": 1,
    }  # fmt: skip


def test_projects_and_times_are_apart(store: Store, write: Write, judge: Judge) -> None:
    spans = [ask(0), large(1), ask(0, project_id="shop"), large(1, project_id="shop")]
    write(spans)
    judge(*((span, 1.0) for span in spans[:2]))
    theirs = Score(id="theirs", name="good", trace_id=spans[0].trace_id, value=0.0, at_us=START + 9)
    Scores(store).put("shop", [theirs])
    (pair,) = read(store).pairs
    assert pair.simple_score == 1.0, "another project's score is none of ours"
    assert read(store, "shop").answered == {}
    assert read(store, since=START + 1_000_000).answered == {"complex": 1}


def test_scores_beyond_one_need_a_pass_mark(store: Store, write: Write, judge: Judge) -> None:
    small, big = ask(0), large(1)
    write([small, big])
    judge((small, 2.0), (big, 4.0))
    with pytest.raises(InvalidRequest, match="--passing"):
        read(store)
    (pair,) = read(store, passing=4.0).pairs
    assert (pair.simple_score, pair.complex_score) == (0.0, 1.0)


def test_every_score_is_read_once_over_many_pages(
    store: Store, write: Write, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "_PAGE", 3)
    texts = [f"Question {i}?" for i in range(10)]
    both: Iterable[Span] = [made(0, text) for text in texts for made in (ask, large)]
    spans = list(both)
    write(spans)
    judge(*((span, 1.0) for span in spans))
    found = read(store)
    assert found.answered == {"simple": 10, "complex": 10}
    assert sorted(pair.text for pair in found.pairs) == texts
    monkeypatch.setattr(judged, "_MOST", 6)
    assert sum(read(store).answered.values()) == 6
