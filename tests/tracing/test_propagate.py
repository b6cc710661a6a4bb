"""The current span goes along to threads and over HTTP."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pilothouse import ContextExecutor, continue_trace, propagation_headers, span, with_context

from .conftest import Collector


def test_threads_and_pools(collector: Collector) -> None:
    def work(name: str) -> None:
        with span(name):
            pass

    with span("root") as root, ContextExecutor(ThreadPoolExecutor(4)) as pool:
        thread = threading.Thread(target=with_context(work), args=("thread",))
        thread.start()
        thread.join()
        list(pool.map(work, [f"pooled {n}" for n in range(8)]))
    parents = {got["name"]: got.get("parent_id") for got in collector.spans}
    assert {parent for name, parent in parents.items() if name != "root"} == {root.id}
    assert len(parents) == 10


def test_another_service_goes_on_with_the_trace(collector: Collector) -> None:
    assert propagation_headers() == {}
    with span("client") as client:
        headers = propagation_headers()
    with continue_trace({"TraceParent": headers["traceparent"]}), span("server"):
        assert propagation_headers() != headers
    got = collector.span("server")
    assert (got["trace_id"], got["parent_id"]) == (client.trace_id, client.id)


def test_what_the_caller_does_not_sample_is_not_recorded(collector: Collector) -> None:
    with continue_trace({"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}), span("quiet"):
        assert propagation_headers()["traceparent"].endswith("-00")
    assert collector.spans == []


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{'b' * 16}-01", 3, None])
def test_a_header_that_is_none_begins_a_trace(collector: Collector, header: object) -> None:
    with continue_trace({"traceparent": header}), span("own"):
        pass
    assert "parent_id" not in collector.span("own")
