from typing import Any

import pytest
from sqlalchemy import event, select

from pilothouse.access.audit import Audit
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.tables import changes

from .conftest import ANA, Make

P = "default"


def audited(store: Store) -> list[tuple[str, Any]]:
    """What the log says, the oldest first."""
    return [(entry.action, entry.after) for entry in reversed(Audit(store.control).list(P, limit=500))]


def test_versions_are_numbered_and_what_is_the_same_again_is_the_same_version(
    store: Store, prompts: Prompts, make: Make
) -> None:
    first = make("rag/answer", "one", message="the first", labels=["production", "latest"])
    assert (first.number, first.parent, first.labels, first.author) == (1, None, ("production", "latest"), ANA.name)
    second = make("rag/answer", "two", parent=1)
    assert (second.number, second.parent, second.labels) == (2, 1, ("latest",))
    assert make("rag/answer", "two", parent=1) == second  # a push that is sent twice
    assert make("rag/answer", "one").number == 3
    assert prompts.get(P, "rag/answer") == prompts.get(P, "rag/answer", label="production")
    assert prompts.get(P, "rag/answer").content == content_of({"template": "one"})
    assert prompts.newest(P, "rag/answer").number == 3
    with pytest.raises(Conflict, match="newest version of 'rag/answer' is 3, not 2"):
        make("rag/answer", "four", parent=2)
    assert [(head.number, head.labels) for head in prompts.versions(P, "rag/answer", limit=2)] == [
        (3, ("latest",)), (2, ())
    ]  # fmt: skip
    assert [head.number for head in prompts.versions(P, "rag/answer", before=2)] == [1]
    assert [action for action, _ in audited(store)] == [
        "prompt.create", "prompt.promote", "prompt.create", "prompt.create"
    ]  # fmt: skip


def test_what_is_not_there_says_what_is(prompts: Prompts, make: Make) -> None:
    make("a")
    make("a", "y", labels=["staging"])
    with pytest.raises(NotFound, match=r"no label 'production'. It has: staging \(2\), latest \(2\)"):
        prompts.get(P, "a")
    with pytest.raises(NotFound, match="no version 3; the newest is 2"):
        prompts.get(P, "a", version=3)
    for name in ("b", "", "a\0", "\ud83d"):
        with pytest.raises(NotFound, match="There is no prompt"):
            prompts.get(P, name)
    with pytest.raises(NotFound):
        prompts.get("other", "a")


def test_prompts_are_found_in_a_bounded_number_of_questions(store: Store, prompts: Prompts, make: Make) -> None:
    for number in range(7):
        make(f"p{number}", labels=["production", "live"] if number % 2 else [])
    prompts.describe(P, "p3", by=ANA, description="Answers over 100 % of documents", tags=["rag", "b"])
    asked: list[str] = []
    event.listen(store.control, "before_cursor_execute", lambda *given: asked.append(given[2]))
    page = prompts.list(P, limit=4)
    assert [one.name for one in page.prompts] == ["p0", "p1", "p2", "p3"]
    assert page.prompts[1].labels == {"live": 1, "production": 1, "latest": 1}
    assert len([one for one in asked if one.startswith("SELECT")]) == 2
    rest = prompts.list(P, limit=4, after=page.next)
    assert ([one.name for one in rest.prompts], rest.next) == (["p4", "p5", "p6"], None)

    def found(**by: Any) -> list[str]:
        return [one.name for one in prompts.list(P, **by).prompts]

    assert found(label="live") == ["p1", "p3", "p5"]
    assert found(search="100 %") == found(tag="rag") == ["p3"]
    assert found(search="%") == ["p3"]
    assert found(tag="ra") == found(search="p\0") == found(label="NO") == []


def test_a_prompt_is_described_and_archived(store: Store, prompts: Prompts, make: Make) -> None:
    make("a", labels=["production"])
    described = prompts.describe(P, "a", by=ANA, description="one", tags=["y", "x", "y"])
    assert (described.description, described.tags) == ("one", ("x", "y"))
    assert prompts.describe(P, "a", by=ANA, description="one") == described
    with pytest.raises(Conflict, match="in use by its labels: production"):
        prompts.archive(P, "a", by=ANA)
    prompts.unlabel(P, "a", "production", by=ANA)
    assert prompts.archive(P, "a", by=ANA).labels == {}
    prompts.archive(P, "a", by=ANA)
    assert prompts.list(P).prompts == []
    assert [one.name for one in prompts.list(P, archived=True).prompts] == ["a"]
    assert prompts.get(P, "a", version=1).labels == ()  # who is pinned to it is served on
    with pytest.raises(NotFound, match="is archived"):
        prompts.newest(P, "a")
    for change in (lambda: make("a", "new"), lambda: prompts.promote(P, "a", 1, by=ANA)):
        with pytest.raises(Conflict, match="is archived"):
            change()
    with pytest.raises(Conflict, match="is archived"):
        prompts.rollback(P, "a", by=ANA)
    prompts.archive(P, "a", False, by=ANA)
    prompts.rollback(P, "a", by=ANA)
    assert prompts.get(P, "a").number == 1
    assert [action for action, _ in audited(store)][2:] == [
        "prompt.describe", "prompt.unlabel", "prompt.archive", "prompt.restore", "prompt.rollback"
    ]  # fmt: skip


def test_odd_tags_are_refused(prompts: Prompts, make: Make) -> None:
    make("a")
    for tags in ([""], ["x" * 65], ['"'], ["a\0"], [str(i) for i in range(51)]):
        with pytest.raises(InvalidRequest):
            prompts.describe(P, "a", by=ANA, tags=tags)


def test_a_refused_version_leaves_nothing(store: Store, prompts: Prompts, make: Make) -> None:
    for refused in (lambda: make("a", labels=["No"]), lambda: make("a", "{% include 'b' %}"), lambda: make("a@3")):
        with pytest.raises(InvalidRequest):
            refused()
    assert prompts.list(P).prompts == []
    assert audited(store) == []


def test_others_notice_each_change_once(store: Store, prompts: Prompts, make: Make) -> None:
    def number() -> int:
        with store.control.connect() as connection:
            return connection.scalar(select(changes.c.number).where(changes.c.topic == "prompts")) or 0

    for change, times in (
        (lambda: make("a"), 1), (lambda: make("a"), 0), (lambda: prompts.promote(P, "a", 1, by=ANA), 1),
        (lambda: prompts.promote(P, "a", 1, by=ANA), 0), (lambda: prompts.unlabel(P, "a", "production", by=ANA), 1),
        (lambda: prompts.describe(P, "a", by=ANA, description=""), 0), (lambda: prompts.archive(P, "a", by=ANA), 1),
    ):  # fmt: skip
        before = number()
        change()
        assert number() - before == times
