from hypothesis import given
from hypothesis import strategies as st

from pilothouse.call import Span
from pilothouse.observe.facts import State
from pilothouse.observe.rows import to_fact, to_row
from pilothouse.observe.trace import Node, Totals, Trace, tree
from pilothouse.types import Usage

from .making import step


def _shape(nodes: list[Node]) -> list[object]:
    return [[node.span.id, *_shape(node.children)] for node in nodes]


def test_spans_nest_by_parent_and_sort_by_start() -> None:
    spans = [step("late", "root", at=20), step("inner", "early", at=12), step("early", "root", at=10), step("root")]
    roots = tree(spans)
    assert _shape(roots) == [["root", ["early", ["inner"]], ["late"]]]
    assert [node.depth for node in Trace("t", "default", spans).nodes()] == [0, 1, 2, 1]


def test_a_span_whose_parent_never_arrived_stands_at_the_root() -> None:
    assert _shape(tree([step("child", "lost", at=5), step("root", at=1)])) == [["root"], ["child"]]


def test_a_call_nests_in_the_span_of_the_caller_who_sent_a_traceparent() -> None:
    ours = step("ours", at=5, attributes={"remote_parent_id": "theirs"})
    assert _shape(tree([ours, step("theirs")])) == [["theirs", ["ours"]]]
    assert _shape(tree([ours])) == [["ours"]]


def test_cycles_are_cut() -> None:
    assert _shape(tree([step("a", "b"), step("b", "a", at=1), step("self", "self", at=2)])) == [
        ["a", ["b"]],
        ["self"],
    ]


def test_a_very_deep_trace_is_no_problem() -> None:
    chain = [step(str(i), str(i - 1), at=i) for i in range(20_000)]
    trace = Trace("t", "default", chain)
    assert max(node.depth for node in trace.nodes()) == 19_999
    assert trace.totals.spans == 20_000


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=13, unique_by=lambda pair: pair[0]))
def test_every_span_is_in_the_tree_exactly_once(links: list[tuple[int, int]]) -> None:
    spans = [step(str(own), str(parent), at=own) for own, parent in links]
    if spans:
        found = [node.span.id for node in Trace("t", "default", spans).nodes()]
        assert sorted(found) == sorted(span.id for span in spans)


def _priced(span_id: str, parent_id: str | None, cost: int | None, known: bool = True, tokens: int = 10) -> Span:
    return step(span_id, parent_id, usage=Usage(tokens, tokens), cost_nano=cost, cost_known=known)


def _totals(*spans: Span) -> Totals:
    return Totals.of(State(to_fact(span, to_row(span)) for span in spans))


def test_a_call_with_a_mirrored_one_below_it_counts_beside_it() -> None:
    live = step("live", deployment="p/a", usage=Usage(input_tokens=11, output_tokens=7), cost_nano=500)
    shadow = step("shadow", "live", at=1)
    mirrored = step("mirrored", "shadow", at=2, deployment="p/b", usage=Usage(input_tokens=1, output_tokens=23))
    totals = Trace("t", "default", [live, shadow, mirrored]).totals
    assert (totals.input_tokens, totals.output_tokens, totals.cost_nano) == (12, 30, 500)


def test_a_call_around_calls_is_not_counted_twice() -> None:
    outer, inner = _priced("outer", None, 0, tokens=30), _priced("inner", "chain", 700)
    totals = _totals(outer, step("chain", "outer"), inner)
    assert (totals.cost_nano, totals.input_tokens, totals.spans) == (700, 10, 3)
    assert totals.cost_text == "$0.000001"


def test_an_unknown_price_shows_beside_what_is_known() -> None:
    totals = _totals(_priced("a", None, 123_000), _priced("b", None, None, known=False))
    assert (totals.cost_nano, totals.cost_known) == (123_000, False)
    assert totals.cost_text == "$0.000123 + unknown"


def test_only_unknown_prices() -> None:
    totals = _totals(_priced("a", None, None, known=False))
    assert totals.cost_nano is None
    assert totals.cost_text == "unknown"


def test_what_costs_nothing_beside_an_unknown_price_does_not_look_like_a_price() -> None:
    assert _totals(_priced("a", None, 0), _priced("b", None, None, known=False)).cost_text == "unknown"


def test_nothing_was_called() -> None:
    totals = _totals(step("a", status="error"))
    assert totals.cost_text == ""
    assert totals.errors == 1


def test_the_extent_of_a_trace_is_that_of_all_its_spans() -> None:
    trace = Trace("t", "default", [step("root", at=10, lasting=5), step("after", "root", at=12, lasting=50)])
    assert trace.duration_us == 52
    assert trace.root.id == "root"


def test_json() -> None:
    call = step("call", "root", at=1, kind="llm", usage=Usage(5, 3), cost_nano=10, input={"messages": []})
    shown = Trace("t", "default", [step("root"), call]).to_json()
    assert shown["totals"]["cost_nano"] == 10
    assert shown["spans"][1]["parent_id"] == "root"
    assert shown["spans"][1]["input"] == {"messages": []}
    assert shown["spans"][1]["attributes"]["gen_ai.usage.input_tokens"] == 5
    assert "input" not in Trace("t", "default", [call]).to_json(payload=False)["spans"][0]
