"""Spans nest, say who they are for, and never raise into the program."""

import asyncio
import contextvars
from typing import Any

import pytest

from pilothouse import configure, span, trace_context, update_current_span, update_current_trace
from pilothouse.tracing import Tracer
from pilothouse.tracing.spans import current, sampled

from .conftest import Collector


def test_nested_spans_form_a_trace(collector: Collector) -> None:
    with span("outer", input={"q": 1}) as outer, span("inner", kind="retriever") as inner:
        inner.update(output=["a"], metadata={"k": 2}, tags=["t"])
        update_current_span(model="m")
    got_outer, got_inner = collector.span("outer"), collector.span("inner")
    assert got_inner["parent_id"] == got_outer["id"] == outer.id
    assert got_inner["trace_id"] == outer.trace_id
    assert "parent_id" not in got_outer
    assert got_outer["input"] == {"q": 1}
    assert got_inner["output"] == {"value": ["a"]}
    assert got_inner["attributes"] == {"k": 2}
    assert got_inner["tags"] == ["t"]
    assert got_inner["request_model"] == "m"
    assert got_inner["kind"] == "retriever"
    assert got_inner["end_us"] >= got_inner["start_us"]


def test_an_error_is_recorded_and_raised_on(collector: Collector) -> None:
    with pytest.raises(ZeroDivisionError), span("bad"):
        1 / 0  # noqa: B018
    assert collector.span("bad")["status"] == "error"
    assert collector.span("bad")["error_code"] == "ZeroDivisionError"
    assert current.get() is None


async def test_tasks_inherit_and_do_not_disturb_each_other(collector: Collector) -> None:
    async def work(number: int) -> None:
        async with span(f"task {number}"):
            await asyncio.sleep(0)
            with span(f"below {number}"):
                await asyncio.sleep(0)

    with span("root") as root:
        await asyncio.gather(*(work(number) for number in range(5)))
    for number in range(5):
        assert collector.span(f"task {number}")["parent_id"] == root.id
        assert collector.span(f"below {number}")["parent_id"] == collector.span(f"task {number}")["id"]


def test_a_trace_says_once_who_it_is_for(collector: Collector) -> None:
    with trace_context(user_id="u", session_id="s", tags=["a"], feature="f"), span("root"), span("early"):
        pass
    with span("other"):
        update_current_trace(user_id="v", tags=["b"], metadata={"x": 1})
    early, other = collector.span("early"), collector.span("other")
    assert (early["user_id"], early["session_id"], early["tags"], early["feature"]) == ("u", "s", ["a"], "f")
    assert (other["user_id"], other["tags"], other["attributes"]) == ("v", ["b"], {"x": 1})


def test_left_in_another_context_than_entered(collector: Collector) -> None:
    opened = span("crossing")
    contextvars.copy_context().run(opened.__enter__)
    opened.__exit__(None, None, None)
    assert collector.span("crossing")
    assert current.get() is None


def test_ended_twice_is_recorded_once(collector: Collector) -> None:
    made = span("once")
    made.end()
    made.end()
    assert [got["name"] for got in collector.spans] == ["once"]


class Hostile:
    def __repr__(self) -> str:
        raise SystemExit(3)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        raise RuntimeError

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError


class Sad(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_nothing_that_values_do_reaches_the_program(collector: Collector) -> None:
    with span("hostile", input=Hostile()) as made:
        made.update(output={Hostile(): Hostile(), "\ud800": "\ud800", "huge": 2**70, "bytes": b"x"}, usage=Hostile())
        update_current_trace(user_id=Hostile(), tags=Hostile(), metadata=Hostile())  # type: ignore[arg-type]
    with pytest.raises(Sad), span("sad"):
        raise Sad
    assert "cannot be read" in str(collector.span("hostile")["input"])
    assert collector.span("hostile")["output"]["huge"] == hex(2**70)
    assert collector.span("sad")["error_code"] == "Sad"


def test_sampling_goes_by_the_trace_id_and_takes_whole_traces(collector: Collector) -> None:
    assert not sampled("0" * 18 + "ff" * 7, 0.99)
    assert sampled("0" * 32, 0.01)
    configure(sample_rate=0.5)
    for _ in range(60):
        with span("root"), span("leaf"):
            pass
    roots = {got["trace_id"] for got in collector.spans if got["name"] == "root"}
    leaves = {got["trace_id"] for got in collector.spans if got["name"] == "leaf"}
    assert roots == leaves
    assert 0 < len(roots) < 60


@pytest.mark.parametrize("given", ["most", 5, -1, float("nan"), None])
def test_what_is_no_sample_rate_records_everything(
    collector: Collector, caplog: pytest.LogCaptureFixture, given: Any
) -> None:
    """And raises at no span of the program."""
    configure(sample_rate=given)
    with span("kept"):
        pass
    assert collector.span("kept")
    assert "no number from 0 to 1" in caplog.text
    configure(sample_rate="0.0")
    with span("left out") as step:
        assert not step.trace.sampled


def test_an_address_without_http_is_told(tracer: Tracer, caplog: pytest.LogCaptureFixture) -> None:
    tracer.configure(url="127.0.0.1:8484", enabled=True)
    with span("nowhere"):
        pass
    assert "'127.0.0.1:8484' must begin with http:// or https://" in caplog.text
    assert tracer.delivery is None
