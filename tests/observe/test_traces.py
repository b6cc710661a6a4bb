import pytest
from sqlalchemy import event

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.observe import Filters, Traces, listing
from pilothouse.observe import traces as module
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store, writing

from .conftest import Write
from .making import full_span, step

DAY = 86_400_000_000


def _trace(trace_id: str, at: int, **changes: object) -> list:
    """A root `trace_id` with a call inside."""
    root = step("r", trace_id=trace_id, at=at, name=f"ask {trace_id}", lasting=100)
    call = full_span(id="c", parent_id="r", trace_id=trace_id, start_us=root.start_us + 1, input=None, output=None)
    for name, value in changes.items():
        setattr(root, name, value)
    return [root, call]


def test_newest_first_with_totals(write: Write, traces: Traces) -> None:
    write([*_trace("old", 0), *_trace("new", DAY)])
    page = traces.list()
    assert [row.trace_id for row in page.rows] == ["new", "old"]
    assert page.next is None
    row = page.rows[0]
    assert (row.name, row.duration_us, row.status) == ("ask new", 100, "ok")
    assert (row.totals.spans, row.totals.input_tokens, row.totals.cost_nano) == (2, 1000, 4_500_000)


def test_pages_join_without_gap_or_overlap(write: Write, traces: Traces) -> None:
    same_moment = 5
    write([span for i in range(23) for span in _trace(f"t{i:02}", same_moment if i % 2 else i)])
    seen: list[str] = []
    before = None
    while True:
        page = traces.list(limit=5, before=before)
        seen += [row.trace_id for row in page.rows]
        if page.next is None:
            break
        before = page.next
    assert len(seen) == len(set(seen)) == 23


def test_a_page_stays_put_while_new_traces_arrive(write: Write, traces: Traces) -> None:
    write([span for i in range(6) for span in _trace(f"t{i}", i)])
    first = traces.list(limit=3)
    write(_trace("newer", DAY))
    assert [row.trace_id for row in traces.list(limit=3, before=first.next).rows] == ["t2", "t1", "t0"]


def test_several_roots_of_one_trace_are_one_row(write: Write, traces: Traces) -> None:
    write([step("a", trace_id="t", at=1), step("b", trace_id="t", at=1), step("c", trace_id="t", at=2)])
    page = traces.list()
    assert [(row.trace_id, row.name, row.totals.spans) for row in page.rows] == [("t", "a", 3)]


def test_filters(write: Write, traces: Traces) -> None:
    write([*_trace("good", 0), *_trace("bad", DAY, status="error", error_message="It was 100% full_up")])
    write([step("alone", trace_id="plain", at=2 * DAY, user_id="Grace")])

    def found(**filters: object) -> list[str]:
        return [row.trace_id for row in traces.list(filters=Filters(**filters)).rows]

    assert found(model="gpt-4o") == found(model="fast") == found(model="openai/gpt-4o") == ["bad", "good"]
    assert found(model="gpt-4") == []
    assert found(status="error") == ["bad"]
    assert found(text="ASK g") == ["good"]
    assert found(text="100%") == ["bad"]
    assert found(text="100_") == []
    assert found(text="grace") == found(user_id="Grace") == ["plain"]
    assert found(user_id="ada") == ["bad", "good"]  # as a step inside says
    assert found(text="goo") == ["good"]
    assert found(since_us=step("x", at=DAY).start_us) == ["plain", "bad"]
    assert found(status="error", model="gpt-4o", text="bad") == ["bad"]


def test_a_search_goes_on_where_it_stopped(write: Write, traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SEARCHED", 4)
    write([span for i in range(10) for span in _trace(f"t{i}", i, name="rare" if i == 1 else "usual")])
    pages = [traces.list(filters=Filters(text="rare"))]
    while (place := pages[-1].next) is not None:
        pages.append(traces.list(before=place, filters=Filters(text="rare")))
    assert [[row.trace_id for row in page.rows] for page in pages] == [[], [], ["t1"]]


def test_hostile_filters_find_nothing_and_break_nothing(write: Write, traces: Traces) -> None:
    write(_trace("good", 0))
    for nasty in ("\0", "' OR 1=1 --", "%", "\\", "x" * 10_000, "\u202e"):
        assert traces.list(filters=Filters(text=nasty, model=nasty, status=nasty)).rows == []


@pytest.mark.parametrize("before", ["", "nonsense", "1-", "-t", "99999999999999999999-t", "1-t\0"])
def test_a_place_that_no_page_gave(traces: Traces, before: str) -> None:
    with pytest.raises(InvalidRequest, match="no place"):
        traces.list(before=before)


@pytest.mark.parametrize("limit", [-5, 0, 10**9])
def test_limits_are_kept_in_bounds(write: Write, traces: Traces, limit: int) -> None:
    write([*_trace("a", 0), *_trace("b", 1)])
    assert 1 <= len(traces.list(limit=limit).rows) <= 2


def test_projects_do_not_see_each_other(write: Write, traces: Traces) -> None:
    write([step("a", trace_id="t", project_id="one", name="ours"), step("a", trace_id="t", project_id="two")])
    assert [row.name for row in traces.list("one").rows] == ["ours"]
    assert traces.list("one").rows[0].totals.spans == 1
    assert [span.name for span in traces.get("t", "one").spans] == ["ours"]
    with pytest.raises(NotFound):
        traces.get("t")


def test_finding_by_the_beginning_of_an_id(write: Write, traces: Traces) -> None:
    write([step("a", trace_id="abc1"), step("a", trace_id="abd2", at=5), step("b", trace_id="ab", at=1)])
    assert traces.find("abc") == "abc1"
    assert traces.find("abd2") == "abd2"
    assert traces.find("ab") == "ab"
    assert traces.find("last") == "abd2"
    with pytest.raises(InvalidRequest, match="More than one trace"):
        traces.find("a")


@pytest.mark.parametrize("reference", ["zz", "", "a\0", "a b", "%", "x" * 65, "../x"])
def test_finding_nothing(write: Write, traces: Traces, reference: str) -> None:
    write([step("a", trace_id="abc")])
    with pytest.raises(NotFound):
        traces.find(reference)
    with pytest.raises(NotFound):
        traces.get(reference)


def test_there_is_no_last_trace_yet(traces: Traces) -> None:
    with pytest.raises(NotFound, match="no traces yet"):
        traces.find("last")


def test_payloads_can_be_left_out(write: Write, traces: Traces) -> None:
    span = full_span()
    write([span])
    kept = traces.get(span.trace_id, payload=False).spans[0]
    assert kept.input is None
    assert kept.versions == span.versions


def test_a_damaged_payload_says_so(write: Write, traces: Traces, store: Store) -> None:
    span = full_span()
    write([span])
    place = (span.project_id, span.trace_id, span.id)
    with store.observe.connect() as connection:
        ((day, _),) = store.payloads.sizes(connection)
    with writing(store.observe) as connection:
        store.payloads.put(connection, day, [(*place, b"broken")], anew=True)
    assert traces.get(span.trace_id).spans[0].input == "(the stored payload is damaged)"


def test_an_endless_trace_is_cut(write: Write, traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPANS", 3)
    write([step(str(i), at=i) for i in range(5)])
    trace = traces.get("t")
    assert trace.truncated
    assert [span.id for span in trace.spans] == ["0", "1", "2"]


def test_a_page_reads_its_rows_and_not_the_whole_table(store: Store, traces: Traces) -> None:
    """The plan, not the time: the newest by their index."""
    if store.observe.dialect.name != "sqlite":
        pytest.skip("Postgres plans by the statistics of a full table")
    statements: list[tuple[str, tuple[object, ...]]] = []
    event.listen(store.observe, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
    traces.list()
    statement, parameters = next(pair for pair in statements if "ORDER BY" in pair[0])
    with store.observe.connect() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    plan = [step[3] for step in steps]
    assert any(step.startswith("SEARCH traces USING INDEX ix_traces_start (project_id=?") for step in plan)
    assert not any(step.startswith("SCAN traces") for step in plan)


def test_filters_by_prompt_and_score(write: Write, traces: Traces, store: Store) -> None:
    for number, prompt in enumerate(("tone@1", "tone@2", "toner@1")):
        write([step("root", trace_id=f"t{number}"), step("call", "root", trace_id=f"t{number}", prompt=prompt)])
    judged = [("t0", "call", 0.2), ("t1", None, 0.9)]
    put = [Score(id=t, name="faithfulness", trace_id=t, span_id=s, value=v) for t, s, v in judged]
    Scores(store).put("default", [*put, Score(id="x", name="other", trace_id="t2", value=0.2)])

    def found(**filters: object) -> list[str]:
        return sorted(row.trace_id for row in traces.list(filters=Filters(**filters)).rows)  # type: ignore[arg-type]

    assert found(prompt="tone") == ["t0", "t1"]
    assert found(prompt="tone@2") == ["t1"]
    assert found(prompt="%") == []
    assert found(score="faithfulness") == ["t0", "t1"]
    assert found(score="faithfulness", score_most=0.5) == ["t0"]
    assert found(score_least=0.2, score_most=0.2) == ["t0", "t2"]
