"""A Recorder that keeps spans in memory, and a Call to hand to whatever is under test."""

import time

from pilothouse.call import Call, Progress, Reservation, Span

__all__ = ["MemoryRecorder", "new_call"]


class MemoryRecorder:
    """Keeps the finished spans in `spans`, in the order in which they ended, and what was reserved in `reserved`."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.reserved: list[Reservation | Progress] = []

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span):
            self.spans.append(record)
        else:
            self.reserved.append(record)


def new_call(seconds: float | None = None) -> Call:
    """A Call that records in memory, with a deadline this many seconds ahead."""
    return Call(recorder=MemoryRecorder(), deadline=None if seconds is None else time.monotonic() + seconds)
