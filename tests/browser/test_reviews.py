"""Reviewing in a real browser by the keyboard alone, at both widths, and without scripts as plain forms."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pilothouse.access.shapes import KeySettings
from pilothouse.app import build
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, Queue, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from ..console.site import HOSTILE
from .driver import Browser, Page

P = "default"
FOCUSED = "document.activeElement.name"


@dataclass
class Served:
    """A running server with two queues, and an annotator's key."""

    address: str
    key: str
    reviews: Reviews
    points: Queue
    pairs: Queue


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    with build(Settings(home=tmp_path / "home")) as platform:
        platform.first_key()
        key, _ = platform.keys.create("ada", "annotator", KeySettings())
        reviews = Reviews(platform.store)
        two = QueueSettings(criteria=(Criterion("faithful", "As the context says."), Criterion("clear")))
        points = reviews.queues.create(P, "points", "likert", two)
        about = {"context": ("passage " * 80,), "expected": "x"}
        items = [NewReviewItem(input=f"question {i}", outputs=(HOSTILE,), **about) for i in range(3)]  # type: ignore[arg-type]
        reviews.items.add(P, points, items)
        pairs = reviews.queues.create(P, "pairs", "pairwise", two)
        twins = [
            NewReviewItem(
                source=Source(run_id="secret-1", other_run_id="secret-2", case_id=f"c{i}", trial=0), input="Why?",
                outputs=("one " * 100, "two"), systems=("secret-old", "secret-new"),
            )
            for i in range(2)
        ]  # fmt: skip
        reviews.items.add(P, pairs, twins)
        async with platform.server(port=0).running() as address:
            yield Served(address, key, reviews, points, pairs)


async def at_work(browser: Browser, served: Served, queue: str, **how: object) -> Page:
    page = await browser.page(**how)  # type: ignore[arg-type]
    await page.goto(f"{served.address}/console/reviews/{queue}/review")
    await page.type("#key", served.key)
    await page.click("button.main", leaves=True)
    return page


async def test_points_by_the_keyboard_alone(browser: Browser, served: Served) -> None:
    page = await at_work(browser, served, "points", width=1280)
    assert "1–5 rate" in await page.text(".keys")
    assert await page.evaluate(FOCUSED) == "vote_faithful"
    await page.press("4")
    await page.press("Enter")
    assert await page.evaluate(FOCUSED) == "vote_clear", "the browser asks for the vote that is missing"
    await page.press("ArrowUp")
    await page.press("3")
    await page.press("c")
    assert await page.evaluate(FOCUSED) == "comment_faithful"
    for letter in "us 5":
        await page.press(letter)
    await page.press("Escape")
    assert await page.evaluate(FOCUSED) == "vote_faithful"
    await page.press("ArrowDown")
    await page.press("5")
    await page.press("Enter", leaves=True)
    assert "question 1" in await page.text()
    await page.press("s", leaves=True)
    assert "question 2" in await page.text()
    await page.press("u", leaves=True)
    assert "question 1" in await page.text()
    await page.press("u", leaves=True)
    assert "question 0" in await page.text()
    checked = "[...document.querySelectorAll(':checked')].map(one => one.name + one.value).join()"
    assert await page.evaluate(checked) == "vote_faithful3,vote_clear5"
    await page.press("Enter", leaves=True)
    for _ in range(2):
        await page.press("1")
        await page.press("ArrowDown")
        await page.press("2")
        await page.press("Enter", leaves=True)
    assert "Every item has its votes." in await page.text()
    await page.press("u", leaves=True)
    assert await page.evaluate(FOCUSED) == "vote_faithful"
    assert page.problems == []
    assert page.dialogs == []
    votes = {(vote.criterion, vote.value, vote.comment) for vote in served.reviews.votes(P, served.points)}
    assert votes == {("faithful", 3, "us 5"), ("clear", 5, ""), ("faithful", 1, ""), ("clear", 2, "")}


async def test_side_by_side_by_the_keyboard_alone(browser: Browser, served: Served) -> None:
    page = await at_work(browser, served, "pairs", width=400, dark=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400
    chosen = []
    for key in ("a", "b"):
        assert "secret" not in await page.evaluate("document.documentElement.outerHTML")
        first = (await page.text(".twins section:first-child pre")).strip()
        chosen.append("a" if (first == "two") == (key == "b") else "b")
        await page.press(key)
        await page.press("ArrowDown")
        await page.press("t")
        await page.press("Enter", leaves=True)
    assert "Every item has its votes." in await page.text()
    assert page.problems == []
    labels = served.reviews.labels(P, served.pairs, "faithful")
    assert [label.label for label in labels] == chosen
    assert [label.label for label in served.reviews.labels(P, served.pairs, "clear")] == ["tie", "tie"]


async def test_without_scripts_it_is_plain_forms(browser: Browser, served: Served) -> None:
    page = await at_work(browser, served, "points", width=400, scripts=False)
    assert await page.evaluate("document.querySelector('.keys').hidden")
    for name, value in (("faithful", 2), ("clear", 4)):
        await page.click(f"[name=vote_{name}][value='{value}'] + span")
    await page.click(".ballot button.main", leaves=True)
    assert "question 1" in await page.text()
    await page.click("[formaction$=skip]", leaves=True)
    assert "question 2" in await page.text()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400
    assert {vote.value for vote in served.reviews.votes(P, served.points)} == {2, 4}
