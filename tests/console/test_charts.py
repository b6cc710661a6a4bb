from hypothesis import given
from hypothesis import strategies as st

from pilothouse.call import Span
from pilothouse.console.charts import WIDTH, share, ticks, waterfall
from pilothouse.observe import Trace


def _span(span_id: str, start: int, end: int, parent: str | None = None, ttft: int | None = None) -> Span:
    return Span(
        id=span_id, trace_id="t", project_id="default", name=span_id, kind="llm", start_us=start, end_us=end,
        parent_id=parent, ttft_us=ttft,
    )  # fmt: skip


def test_bars_lie_where_their_spans_do() -> None:
    trace = Trace("t", "default", [_span("root", 1000, 2000), _span("half", 1500, 2000, "root", ttft=100)])
    root, half = waterfall(trace)
    assert (root.x, root.width, root.waited, root.indent) == (0, WIDTH, None, 0)
    assert (half.x, half.width, half.waited, half.indent) == (500, 500, 100, 1)


def test_an_answer_in_one_piece_is_not_all_waiting() -> None:
    (bar,) = waterfall(Trace("t", "default", [_span("whole", 0, 1000, ttft=995)]))
    assert bar.waited is None


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**7), st.none() | st.integers(0, 10**8)),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_no_bar_leaves_the_drawing_or_vanishes(times: list[tuple[int, int, int | None]]) -> None:
    spans = [_span(str(i), start, start + lasting, ttft=ttft) for i, (start, lasting, ttft) in enumerate(times)]
    for bar in waterfall(Trace("t", "default", spans)):
        assert bar.x >= 0
        assert bar.width > 0
        assert bar.x + bar.width <= WIDTH + 0.2
        assert bar.waited is None or 0 <= bar.waited <= bar.width + 0.1


def test_ticks_divide_the_time() -> None:
    trace = Trace("t", "default", [_span("root", 0, 2_000_000)])
    assert ticks(trace) == [(0, "0"), (250, "500 ms"), (500, "1.00 s"), (750, "1.50 s"), (1000, "2.00 s")]


def test_share() -> None:
    assert share(1, 4) == 250
    assert share(0, 0) == 0
