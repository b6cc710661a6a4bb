"""Deleting a user or a trace: everything of theirs goes, nothing comes back, and the sums of the others stay."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select

from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.observe.privacy.erasing import Erased, Erasing
from pilothouse.observe.privacy.erasures import prune, user_hash
from pilothouse.observe.scores import Score, Scores
from pilothouse.observe.sums.overnight import Overnight
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, writing
from pilothouse.storage.payload_days import day_of
from pilothouse.storage.tables import erasures, payloads, rollups, score_rollups, scores, sheets, spans, traces

from ..conftest import Write
from ..making import full_span

SECRET = "the Kaiser's new clothes"
ASKED = {"messages": [{"role": "user", "content": SECRET}]}


class Elsewhere:
    """What was made of traces elsewhere: something of each, and of each user."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def forget_traces(self, project: str, traces: Sequence[str]) -> int:
        self.asked.append((project, sorted(traces)))
        return len(traces)

    def forget_user(self, project: str, user: str) -> int:
        return self.forget_traces(project, [user])


def count(store: Store, table: Any) -> int:
    with store.observe.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def sums(store: Store, dimension: str) -> list[tuple[Any, ...]]:
    found = []
    with store.observe.connect() as connection:
        for table in (rollups, score_rollups):
            query = select(table).where(table.c.dimension == dimension)
            found += sorted(tuple(row) for row in connection.execute(query))
    return found


def on_sheets(store: Store) -> list[str]:
    """The users on the sheets of days that are over."""
    with store.observe.connect() as connection:
        found = connection.execute(select(sheets.c.named).where(sheets.c.dimension == "user")).scalars()
        return sorted(value for packed in found for value in msgspec.msgpack.decode(packed))


def bodies(store: Store) -> int:
    found = count(store, payloads)
    with store.observe.connect() as connection:
        days = [size.day for size in store.payloads.sizes(connection)]
    for day in days:
        with store.payloads.engine(day).connect() as connection:
            found += connection.scalar(select(func.count()).select_from(store.payloads.table(day))) or 0
    return found


def test_everything_of_a_user_goes_and_the_sums_of_all_stay(write: Write, store: Store, home: Path) -> None:
    mine = full_span(user_id="ada", trace_id="mine", input=ASKED)
    child = full_span(user_id=None, trace_id="mine", parent_id=mine.id, input=ASKED)
    below = full_span(user_id=None, trace_id="shared", input=None, output=None)
    write([mine, child, below, full_span(user_id="ada", trace_id="shared", parent_id=below.id, input=ASKED)])
    write([full_span(user_id="bob", trace_id="bob"), full_span(user_id="ada", trace_id="far", project_id="other")])
    old = {"project_id": "default", "trace_id": "mine", "span_id": "x", "body": b"of before there were days"}
    with store.observe.begin() as connection:
        connection.execute(insert(payloads), old)
    Scores(store).put("default", [Score(id=t, trace_id=t, name="good", value=1.0) for t in ("mine", "bob")])
    assert len([*Overnight(store, lambda: 2**52).run()]) == 2
    assert on_sheets(store) == ["ada", "ada", "bob"]
    before, hook = {d: sums(store, d) for d in ("all", "model", "user")}, Elsewhere()
    erased = Erasing(store, [hook]).user("default", "ada")
    assert erased == Erased(traces=2, spans=4, payloads=4, scores=1, elsewhere=5)
    # Before the traces go, so that a deletion which was cut off finds them again, and after.
    assert hook.asked == [("default", ["mine", "shared"])] * 2 + [("default", [user_hash("ada")])]
    assert on_sheets(store) == ["ada"]  # of the other project
    assert len([*Overnight(store, lambda: 2**52).run()]) == 1
    assert on_sheets(store) == ["ada", "bob"]
    assert sorted(row[1] for row in _rows(store, traces)) == ["bob", "far"]
    assert (count(store, spans), [row[1] for row in _rows(store, scores)], bodies(store)) == (2, ["bob"], 2)
    assert {d: sums(store, d) for d in ("all", "model")} == {d: before[d] for d in ("all", "model")}
    named = [row for row in before["user"] if not (row[0] == "default" and row[4] == "ada")]
    assert sums(store, "user") == named
    assert named != before["user"]
    assert Erasing(store).user("default", "ada") == Erased()


def _rows(store: Store, table: Any) -> list[tuple[Any, ...]]:
    with store.observe.connect() as connection:
        return [tuple(row) for row in connection.execute(select(table))]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_nothing_of_it_stays_in_the_files(write: Write, store: Store, home: Path, spool: Spool) -> None:
    incompressible = bytes(range(33, 127)).decode() * 3
    write([full_span(user_id="ada-of-the-files", trace_id="mine", name=SECRET, input={"x": incompressible})])
    write([full_span(trace_id=f"t{i}") for i in range(50)])
    Erasing(store).user("default", "ada-of-the-files")
    files = [path for path in home.rglob("*") if path.is_file() and "spool" not in path.parts]
    assert len(files) > 2
    for path in files:
        content = path.read_bytes()
        assert b"ada-of-the-files" not in content, path
        assert SECRET.encode() not in content, path
        assert incompressible[:40].encode() not in content, path


def test_what_a_spool_still_holds_does_not_come_back(store: Store, settings: Settings, drainer: Drainer) -> None:
    elsewhere = Spool.open(settings.home / "another-host", 10**7)
    recorder = SpoolRecorder(elsewhere)
    root = full_span(user_id="ada", trace_id="known")
    recorder.record(root)
    far = Drainer(elsewhere, store, settings.home / "another-host")
    far.flush()
    recorder.record(full_span(user_id=None, trace_id="known", parent_id=root.id))
    recorder.record(full_span(user_id="ada", trace_id="waiting", charge_id="c", accounts=["key:k"], cost_nano=5))
    recorder.record(full_span(user_id="bob", trace_id="bob"))
    Erasing(store).user("default", "ada")
    before = [row for row in sums(store, "all") if row[1] == "day"]
    far.stop()
    elsewhere.close()
    assert [row[1] for row in _rows(store, traces)] == ["bob"]
    assert (count(store, spans), bodies(store)) == (1, 1)
    after = [row for row in sums(store, "all") if row[1] == "day"]
    assert after[0][5] == before[0][5] + 1  # requests
    with store.observe.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger").scalar() == 1


def test_what_the_user_does_afterwards_is_kept(write: Write, store: Store) -> None:
    write([full_span(user_id="ada", trace_id="before")])
    Erasing(store).user("default", "ada")
    write([full_span(user_id="ada", trace_id="after")])
    assert [row[1] for row in _rows(store, traces)] == ["after"]
    assert Traces(store).get("after").spans[0].user_id == "ada"


def test_a_trace_goes_and_stays_away(write: Write, store: Store) -> None:
    span = full_span(trace_id="one")
    write([span, full_span(trace_id="two")])
    assert Erasing(store).trace("default", "one") == Erased(traces=1, spans=1, payloads=1)
    assert Erasing(store).trace("default", "unheard-of") == Erased()
    write([span, full_span(trace_id="one"), full_span(trace_id="unheard-of"), full_span(trace_id="two")])
    assert [row[1] for row in _rows(store, traces)] == ["two"]
    assert count(store, spans) == 2


def test_many_traces_go_in_several_transactions(write: Write, store: Store) -> None:
    write(full_span(user_id="ada", trace_id=f"t{i}") for i in range(450))
    assert Erasing(store).user("default", "ada").traces == 450
    assert (count(store, spans), bodies(store)) == (0, 0)


def test_no_name_is_written_down_and_all_is_forgotten_in_time(write: Write, store: Store) -> None:
    write([full_span(user_id="ada", trace_id="one")])
    Erasing(store, clock=lambda: 10**16).user("default", "ada")
    assert sorted((row[1], row[2]) for row in _rows(store, erasures)) == [("trace", "one"), ("user", user_hash("ada"))]
    with writing(store.observe) as connection:
        assert prune(connection, 10**16) == 0
        assert prune(connection, 10**16 + 1) == 2
    assert day_of(10**16) > 0


def test_a_sessions_scores_go_with_the_last_of_its_traces(write: Write, store: Store) -> None:
    write([full_span(user_id="ada", trace_id=trace, session_id=trace[0]) for trace in ("a1", "b1")])
    write([full_span(user_id="bob", trace_id="b2", session_id="b")])
    Scores(store).put("default", [Score(id=s, session_id=s, name="solved", value=1.0) for s in ("a", "b", "c")])
    assert Erasing(store).user("default", "ada").scores == 1
    with store.observe.connect() as connection:
        assert set(connection.execute(select(scores.c.id)).scalars()) == {"b", "c"}
