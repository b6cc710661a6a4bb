import pytest

from pilothouse.access.audit import Actor, Audit
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound, PromotionRefused
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import Move, Pending
from pilothouse.storage import Store

from .conftest import ANA, Make

P = "default"
BEN = Actor("key-ben (Ben)", "console")


class Strict:
    """Lets versions pass that are in `passed`; wants as many others to agree as `others`."""

    def __init__(self, *passed: int, others: int = 0) -> None:
        self.passed = {*passed}
        self.others = others
        self.asked: list[tuple[int, int | None]] = []

    def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
        self.asked.append((version, current))
        return [] if version in self.passed or label != "production" else ["No evaluation passed: run one."]

    def approvals(self, project: str, name: str, label: str) -> int:
        return self.others if label == "production" else 0


@pytest.fixture
def five(make: Make) -> None:
    for number in range(5):
        make("a", f"version {number + 1}")


def moved(prompts: Prompts, version: int, **more: object) -> Move:
    made = prompts.promote(P, "a", version, by=ANA, **more)  # type: ignore[arg-type]
    assert isinstance(made, Move)
    return made


@pytest.mark.usefixtures("five")
def test_a_rollback_returns_any_number_of_times(store: Store, prompts: Prompts) -> None:
    for version in (1, 2, 3):
        moved(prompts, version)
    assert moved(prompts, 3) == prompts.history(P, "a")[0]  # it points there: nothing happens
    assert [prompts.rollback(P, "a", by=ANA).version for _ in range(2)] == [2, 1]
    with pytest.raises(Conflict, match="pointed to nothing before version 1"):
        prompts.rollback(P, "a", by=ANA)
    moved(prompts, 4)
    moved(prompts, 5)
    prompts.unlabel(P, "a", "production", by=ANA)
    with pytest.raises(NotFound, match="no label 'production'"):
        prompts.unlabel(P, "a", "production", by=ANA)
    assert [prompts.rollback(P, "a", by=ANA, reason="oh").version for _ in range(3)] == [5, 4, 1]
    moved(prompts, 2)
    prompts.unlabel(P, "a", "production", by=ANA)
    moved(prompts, 3)
    assert prompts.rollback(P, "a", by=ANA).version == 2  # it never returns to nothing
    moves = prompts.history(P, "a", "production")[::-1]
    assert [move.number for move in moves] == [*range(1, len(moves) + 1)]
    assert [move.before for move in moves] == [None, *(move.version for move in moves[:-1])]
    actions = [entry.action for entry in Audit(store.control).list(P, limit=100)][::-1]
    assert actions[5:] == [f"prompt.{move.kind}" for move in moves]


@pytest.mark.usefixtures("five")
def test_a_label_that_stands_elsewhere_is_a_conflict(prompts: Prompts) -> None:
    moved(prompts, 1, expected=0)
    with pytest.raises(Conflict, match="points to version 1 by now, not to none"):
        moved(prompts, 2, expected=0)
    moved(prompts, 2, expected=1)
    assert prompts.rollback(P, "a", by=ANA, expected=2).version == 1
    with pytest.raises(Conflict, match="points to version 1 by now, not to 2"):
        prompts.rollback(P, "a", by=ANA, expected=2)
    for nothing in (lambda: moved(prompts, 9), lambda: prompts.promote(P, "b", 1, by=ANA)):
        with pytest.raises(NotFound):
            nothing()
    with pytest.raises(Conflict, match="never moved"):
        prompts.rollback(P, "a", "staging", by=ANA)
    for change in (prompts.unlabel, prompts.rollback):
        with pytest.raises(InvalidRequest, match="'latest' is the newest version by itself"):
            change(P, "a", "latest", by=ANA)
    with pytest.raises(InvalidRequest):
        moved(prompts, 1, target="latest")


@pytest.mark.usefixtures("five")
def test_history_is_read_in_pages(prompts: Prompts) -> None:
    for version in (1, 2, 3):
        moved(prompts, version)
        moved(prompts, version, target="staging")
    for label, count in ((None, 6), ("production", 3), ("nothing", 0)):
        pages: list[Move] = []
        while page := prompts.history(P, "a", label, limit=2, before=pages[-1].id if pages else None):
            pages += page
        assert len({move.id for move in pages}) == len(pages) == count
        assert [move.version for move in pages if move.label == "production"] == ([3, 2, 1] if count else [])


def test_a_guard_decides(store: Store, prompts: Prompts, make: Make) -> None:
    make("a", "one", labels=["production"])
    make("a", "two")
    make("a", "three")
    prompts.guard = guard = Strict(3)
    with pytest.raises(PromotionRefused, match=r"Version 2 of 'a' may not become 'production'. No evaluation") as told:
        moved(prompts, 2)
    assert told.value.reasons == ("No evaluation passed: run one.",)
    assert guard.asked == [(2, 1)]
    moved(prompts, 2, target="staging")
    moved(prompts, 3)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        moved(prompts, 2, force=True, reason=" ")
    assert not moved(prompts, 1, target="staging", force=True, reason="nothing is against it").forced
    assert moved(prompts, 2, force=True, reason="the other answers nobody").forced
    newest = Audit(store.control).list(P, limit=1)[0]
    assert (newest.action, newest.before) == ("prompt.promote.forced", {"label": "production", "version": 3})
    assert newest.after == {
        "label": "production", "version": 2, "number": 3, "reason": "the other answers nobody",
        "against": ["No evaluation passed: run one."],
    }  # fmt: skip
    with pytest.raises(PromotionRefused, match="make it without, then promote"):
        make("a", "four", labels=["production"])
    assert prompts.newest(P, "a").number == 3
    prompts.rollback(P, "a", by=ANA)
    assert prompts.get(P, "a").number == 3


@pytest.mark.usefixtures("five")
def test_a_second_person_agrees(store: Store, prompts: Prompts) -> None:
    moved(prompts, 1)
    prompts.guard = guard = Strict(2, 3, others=1)
    asked = prompts.promote(P, "a", 2, by=ANA, reason="shorter")
    assert isinstance(asked, Pending)
    assert prompts.promote(P, "a", 2, by=BEN) == asked
    assert [*prompts.pending(P)] == [*prompts.pending(P, "a")] == [asked]
    assert prompts.get(P, "a").number == 1
    with pytest.raises(Forbidden, match="another person"):
        prompts.approve(P, asked.id, by=Actor("key-ana (renamed)", "cli"))
    guard.passed = set()
    with pytest.raises(PromotionRefused):
        prompts.approve(P, asked.id, by=BEN)
    guard.passed = {2, 3}
    with pytest.raises(PromotionRefused, match="Nobody moves it alone"):
        prompts.unlabel(P, "a", "production", by=ANA)
    done = prompts.approve(P, asked.id, by=BEN, note="good")
    assert (done.version, done.actor, done.approved_by, done.reason) == (2, ANA.name, BEN.name, "shorter")
    assert prompts.history(P, "a")[0] == done
    assert prompts.request(P, asked.id).status == "approved"
    with pytest.raises(Conflict, match="was approved"):
        prompts.reject(P, asked.id, by=BEN)
    entries = Audit(store.control).list(P, limit=3)
    assert [entry.action for entry in entries] == ["prompt.promote", "prompt.approve", "prompt.request"]
    assert entries[0].after is not None
    assert (entries[0].after["asked_by"], entries[0].after["approved_by"]) == (ANA.name, BEN.name)


@pytest.mark.usefixtures("five")
def test_a_request_ends_when_the_label_moves_or_somebody_disagrees(prompts: Prompts) -> None:
    moved(prompts, 1)
    prompts.guard = Strict(1, 2, 3, 4, others=1)
    two, three = (prompts.promote(P, "a", version, by=ANA) for version in (2, 3))
    assert isinstance(two, Pending)
    assert isinstance(three, Pending)
    prompts.approve(P, three.id, by=BEN)
    assert [one.status for one in prompts.pending(P, status=None)] == ["approved", "stale"]
    with pytest.raises(Conflict, match=r"out of date\. The label was moved since"):
        prompts.approve(P, two.id, by=BEN)
    forced = prompts.promote(P, "a", 5, by=ANA, force=True, reason="now")
    assert isinstance(forced, Pending)
    prompts.rollback(P, "a", by=ANA)  # needs nobody, and outdates what waits
    assert prompts.request(P, forced.id).status == "stale"
    four = prompts.promote(P, "a", 4, by=ANA)
    assert isinstance(four, Pending)
    assert prompts.reject(P, four.id, by=BEN, note="no").note == "no"
    with pytest.raises(Conflict, match="was rejected"):
        prompts.approve(P, four.id, by=BEN)
    assert prompts.pending(P) == []
    assert prompts.pending(P, "a\0") == prompts.history(P, "a", "\ud83d") == []
    assert prompts.history(P, "a", before="a\0") == []
    for odd in ("nothing", "a\0", "", "é"):
        with pytest.raises(NotFound):
            prompts.approve(P, odd, by=BEN)


@pytest.mark.usefixtures("five")
def test_a_move_that_cannot_be_noted_is_none(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    moved(prompts, 1)
    moved(prompts, 2)
    before = prompts.history(P, "a")

    def fails(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("pilothouse.prompts.labels.record", fails)
    for change in (
        lambda: moved(prompts, 3), lambda: prompts.rollback(P, "a", by=ANA),
        lambda: prompts.unlabel(P, "a", "production", by=ANA),
    ):  # fmt: skip
        with pytest.raises(OSError, match="full"):
            change()
    assert prompts.history(P, "a") == before
    assert prompts.get(P, "a").number == 2
