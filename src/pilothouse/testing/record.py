"""A Recorder that keeps spans in memory, and a Call to hand to whatever is under test."""

import time

from pilothouse.call import Call, Span

__all__ = ["MemoryRecorder", "new_call"]


class MemoryRecorder:
    """Keeps the finished spans in `spans`, in the order in which they ended."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def record(self, span: Span) -> None:
        self.spans.append(span)


def new_call(seconds: float | None = None) -> Call:
    """A Call that records in memory, with a deadline this many seconds ahead."""
    return Call(recorder=MemoryRecorder(), deadline=None if seconds is None else time.monotonic() + seconds)
