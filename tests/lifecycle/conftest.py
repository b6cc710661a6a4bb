"""A store, and a way to fill it with recorded calls."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.ids import new_id, new_span_id
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.types import Usage

START = 1_700_000_000_000_000
Write = Callable[[Iterable[Span]], None]


@pytest.fixture
def write(store: Store, settings: Settings) -> Write:
    """Record spans and bring them to the database."""

    def write_all(spans: Iterable[Span]) -> None:
        spool = Spool.open(settings.home, 64 * 1024 * 1024)
        drainer = Drainer(spool, store, settings.home)
        recorder = SpoolRecorder(spool, drainer.wake)
        for span in spans:
            recorder.record(span)
        drainer.flush()
        drainer.stop()
        spool.close()

    return write_all


def ask(at: float, text: str = "How high is the tower?", **changes: Any) -> Span:
    """A call that began `at` seconds after a fixed moment, answered by `pool/small` in 200 ms for 1 milli-USD."""
    start = START + int(at * 1_000_000)
    fields: dict[str, Any] = {
        "id": new_span_id(), "trace_id": new_id(start), "project_id": "default", "name": "chat fast", "kind": "llm",
        "start_us": start, "end_us": start + 200_000, "operation": "chat", "provider": "openai",
        "request_model": "fast", "response_model": "small", "deployment": "pool/small", "usage": Usage(1000, 100),
        "ttft_us": 80_000, "cost_nano": 1_000_000, "attributes": {"gen_ai.response.finish_reasons": ["stop"]},
        "input": {"model": "fast", "messages": [{"role": "user", "content": text}]},
        "output": {"choices": [{"message": {"role": "assistant", "content": "97 metres."}}]},
    }  # fmt: skip
    return Span(**(fields | changes))
