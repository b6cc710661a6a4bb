"""Many requests share one flush, and each is acknowledged by one that began after it was recorded."""

import asyncio
import threading

import pytest

from pilothouse.call import Progress, Reservation, Span
from pilothouse.errors import Overloaded, StorageError
from pilothouse.observe.arrival.intake import Intake, Received
from tests.observe.making import step


class Book:
    """Records, and flushes when it is let; what a flush finds is committed."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.committed: list[str] = []
        self.flushes = 0
        self.took = threading.Semaphore(0)
        self.began = threading.Semaphore(0)
        self.may = threading.Semaphore(0)
        self.error: Exception | None = None

    def record(self, record: Span | Reservation | Progress) -> None:
        assert isinstance(record, Span)
        if record.name == "too many":
            raise Overloaded("full")
        self.recorded.append(record.name)
        self.took.release()

    def flush(self) -> None:
        self.flushes += 1
        found = list(self.recorded)
        self.began.release()
        self.may.acquire(timeout=10)
        if self.error is not None:
            raise self.error
        self.committed = found


def sent(*names: str) -> Received:
    return Received([step(name) for name in names], [])


async def until(semaphore: threading.Semaphore) -> None:
    assert await asyncio.to_thread(semaphore.acquire, timeout=10)


async def test_who_comes_during_a_flush_waits_for_the_next_and_shares_it() -> None:
    book = Book()
    intake = Intake(book, book)
    first = asyncio.create_task(intake.take(lambda: sent("a")))
    await until(book.began)
    others = [asyncio.create_task(intake.take(lambda n=n: sent(n))) for n in "bcd"]
    for _ in "abcd":
        await until(book.took)
    book.may.release()
    await first
    assert not any(task.done() for task in others)
    await until(book.began)
    book.may.release()
    await asyncio.gather(*others)
    assert sorted(book.committed) == ["a", "b", "c", "d"]
    assert book.flushes == 2


async def test_a_failed_flush_fails_all_who_wait_for_it_and_the_next_one_goes_on() -> None:
    book = Book()
    intake = Intake(book, book)
    book.error = StorageError("away")
    book.may.release()
    with pytest.raises(StorageError):
        await intake.take(lambda: sent("a"))
    book.error = None
    book.may.release()
    await intake.take(lambda: sent("b"))
    assert book.committed == ["a", "b"]


async def test_a_sender_that_leaves_takes_no_other_along() -> None:
    book = Book()
    intake = Intake(book, book)
    left = asyncio.create_task(intake.take(lambda: sent("a")))
    await until(book.began)
    left.cancel()
    stays = asyncio.create_task(intake.take(lambda: sent("b")))
    for _ in "ab":
        await until(book.took)
    book.may.release(2)
    await stays
    assert book.committed == ["a", "b"]
    with pytest.raises(asyncio.CancelledError):
        await left


async def test_nothing_to_keep_needs_no_flush() -> None:
    book = Book()
    received = await Intake(book, book).take(lambda: Received([], ["why"]))
    assert (book.flushes, received.rejected) == (0, ["why"])


async def test_what_cannot_be_read_or_recorded_is_told() -> None:
    book = Book()
    intake = Intake(book, book)
    with pytest.raises(Overloaded):
        await intake.take(lambda: sent("a", "too many"))
    assert book.flushes == 0


async def test_nobody_waits_for_ever() -> None:
    book = Book()
    intake = Intake(book, book, patience=0.05)
    with pytest.raises(Overloaded, match="takes too long"):
        await intake.take(lambda: sent("a"))
    book.may.release(2)
    await Intake(book, book).take(lambda: sent("b"))
    assert book.committed == ["a", "b"]
