"""The book of prompts: fresh after every change anywhere, one load at a time, going on without the database."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pilothouse.access.audit import SYSTEM
from pilothouse.errors import NotFound, StorageError
from pilothouse.prompts import book as book_module
from pilothouse.prompts.book import Book
from pilothouse.prompts.content import content_of
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import PromptPage, Reference, Version, reference_of
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.changes import Changes


class Shelf:
    """Prompts in memory. `texts` by name, the newest last; `asked` counts the loads."""

    def __init__(self, **texts: str) -> None:
        self.texts = {name: [text] for name, text in texts.items()}
        self.asked: list[str] = []
        self.away = False
        self.gate = threading.Event()
        self.gate.set()

    def get(self, project: str, name: str, *, version: int | None = None, label: str | None = None) -> Version:
        assert self.gate.wait(10)
        self.asked.append(name)
        if self.away:
            raise StorageError("away")
        if name not in self.texts:
            raise NotFound(f"no '{name}'", param="name")
        number = version or len(self.texts[name])
        content = content_of({"template": self.texts[name][number - 1], "model": "m"})
        return Version(project, name, number, content, content.hash, "", "", 0)

    def list(self, project: str, *, label: str | None = None, limit: int = 50) -> PromptPage:
        if self.away:
            raise StorageError("away")
        return PromptPage([], None)


async def said(book: Book, text: str) -> str | None:
    return (await book.page("default", reference_of(text))).prepared.render({}).text


async def test_what_is_known_is_asked_for_again_once_something_changed() -> None:
    shelf = Shelf(a="one", b="{% include 'a' %}!", c="alone")
    book = Book(shelf)
    assert [await said(book, text) for text in ("a", "b", "b@1", "c@1", "a", "b", "b@1", "c@1")] == [
        "one",
        "one!",
        "one!",
        "alone",
    ] * 2
    assert shelf.asked == ["a", "b", "a", "b", "a", "c"]
    shelf.texts["a"].append("two")
    assert await said(book, "a") == "one"
    book.drop()
    shelf.asked.clear()
    # A version is what it was, but for what it includes.
    assert [await said(book, text) for text in ("a", "b", "b@1", "c@1")] == ["two", "two!", "two!", "alone"]
    assert shelf.asked == ["a", "b", "a", "b", "a"]


async def test_a_hundred_who_want_the_same_load_it_once_and_one_that_leaves_takes_it_from_nobody() -> None:
    shelf = Shelf(a="one")
    shelf.gate.clear()
    book = Book(shelf)
    tasks = [asyncio.create_task(said(book, "a")) for _ in range(100)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    shelf.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert set(found[1:]) == {"one"}
    assert shelf.asked == ["a"]


async def test_a_change_during_a_load_is_not_missed() -> None:
    shelf = Shelf(a="one")
    shelf.gate.clear()
    book = Book(shelf)
    first = asyncio.create_task(said(book, "a"))
    await asyncio.sleep(0)
    book.drop()
    second = asyncio.create_task(said(book, "a"))
    await asyncio.sleep(0)
    shelf.gate.set()
    await asyncio.gather(first, second)
    assert len(shelf.asked) == 2
    await said(book, "a")
    assert len(shelf.asked) in (2, 3)  # whichever of the two was kept last


async def test_without_the_database_it_goes_on_with_what_it_knows() -> None:
    shelf, now = Shelf(a="one"), 0.0
    experiments: Any = [_experiment()]

    def running(_: str) -> list[Experiment]:
        if shelf.away:
            raise StorageError("away")
        return list(experiments)

    book = Book(shelf, running, clock=lambda: now)
    assert await said(book, "a") == "one"
    assert await book.on_models("default") == tuple(experiments)
    assert not book.is_quiet("default")
    shelf.away = True
    book.drop()
    assert await said(book, "a") == "one"
    asked = len(shelf.asked)
    assert await said(book, "a") == "one"
    assert len(shelf.asked) == asked  # it rests
    assert await book.on_models("default") == tuple(experiments)
    assert await book.running("never seen") == ()
    assert await book.names("default", 5) == []
    with pytest.raises(StorageError):
        await said(book, "never-asked")
    shelf.away, now = False, 100.0
    shelf.texts["a"].append("two")
    experiments.clear()
    assert await said(book, "a") == "two"
    assert await book.on_models("default") == ()
    assert book.is_quiet("default")


async def test_what_is_not_there_is_asked_for_once_until_something_changes() -> None:
    shelf = Shelf(a="one")
    book = Book(shelf)
    for _ in range(3):
        with pytest.raises(NotFound, match="no 'b'") as caught:
            await said(book, "b")
        assert caught.value.param == "name"
    assert shelf.asked == ["b"]
    shelf.texts["b"] = ["there"]
    book.drop()
    assert await said(book, "b") == "there"


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "_LARGEST", 5000)
    shelf = Shelf(a="a", b="b", c="c")
    book = Book(shelf)
    for name in "abcabb":
        await said(book, name)
    assert shelf.asked == ["a", "b", "c", "a", "b"]


@pytest.fixture
def elsewhere(settings: Settings, store: Store) -> Iterator[Prompts]:
    """The registry of another process over the same database."""
    other = open_store(settings)
    yield Prompts(other.control)
    other.close()


async def test_a_label_that_another_process_moves(store: Store, elsewhere: Prompts) -> None:
    changes, heard, loop = Changes(store.control), asyncio.Event(), asyncio.get_running_loop()
    book = Book(Prompts(store.control), changes=changes)
    changes.on("prompts", lambda: loop.call_soon_threadsafe(heard.set))
    listens = store.control.dialect.name != "sqlite"
    try:
        for text in ("one", "two"):
            await asyncio.to_thread(elsewhere.create, "default", "a", content_of({"template": text}), by=SYSTEM,
                                    labels=["production"])  # fmt: skip
            if listens and text == "two":
                await asyncio.wait_for(heard.wait(), 30)
            assert await said(book, "a") == text  # under SQLite at once
            if listens and text == "one":  # the listener's first look, whichever came first
                await asyncio.wait_for(heard.wait(), 30)
                heard.clear()
        assert (await book.page("default", Reference("a", 1))).version.number == 1
    finally:
        changes.close()


def _experiment() -> Experiment:
    design: Any = {
        "id": "e", "project_id": "default", "name": "e", "target": {"model": "fast"}, "status": "running",
        "arms": [{"name": "now", "model": "fast"}, {"name": "new", "model": "slow"}], "unit": "user", "primary": "cost",
        "ranges": [(0, 10_000)],
    }  # fmt: skip
    return Experiment.model_validate(design)
