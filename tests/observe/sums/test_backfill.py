"""What an upgrade leaves to be summed up is summed up once, whatever arrives meanwhile."""

from sqlalchemy import delete, insert, select, update

from pilothouse.observe.sums import backfill
from pilothouse.storage import Store, span_days
from pilothouse.storage.database import writing
from pilothouse.storage.tables import backfills, rollups, spans, traces
from pilothouse.types import Usage

from ..conftest import Write
from ..making import step


def _forget(store: Store) -> None:
    """As an upgrade leaves it: spans, and nothing summed up of them."""
    with writing(store.observe) as connection:
        connection.execute(delete(traces))
        connection.execute(delete(rollups))
        connection.execute(update(spans).values(day=span_days.BEFORE))
        connection.execute(insert(backfills).values(project_id="default", name=backfill.SUMMARIES, place=""))


def _all(store: Store) -> list[tuple[object, ...]]:
    with store.observe.connect() as connection:
        sums = [c for c in traces.c if c.name != "day"]
        summed = [tuple(row) for row in connection.execute(select(*sums).order_by(*traces.primary_key))]
        wanted = [c for c in rollups.c if c.name not in ("latency", "call_latency", "ttft", "tokens", "speed")]
        return summed + [tuple(row) for row in connection.execute(select(*wanted).order_by(*rollups.primary_key))]


def test_what_was_there_is_summed_up_beside_what_arrives(write: Write, store: Store) -> None:
    old = [step("a", trace_id=f"t{n:02}", kind="llm", usage=Usage(n, 1), cost_nano=n) for n in range(20)]
    late = [step("b", "a", at=5, trace_id=t, kind="llm", usage=Usage(7, 1), cost_nano=3) for t in ("t03", "t15", "new")]
    write([*old, *late])
    wanted = _all(store)

    with writing(store.observe) as connection:
        for table in (traces, rollups):
            connection.execute(delete(table))
        connection.exec_driver_sql("DELETE FROM spans WHERE id = 'b'")
    _forget(store)
    with writing(store.observe) as connection:
        assert backfill.step(connection, 8)
    write(late)  # of a trace that was summed up already, of one that was not, and a new one
    assert backfill_all(store) > 1
    assert _all(store) == wanted


def backfill_all(store: Store) -> int:
    steps = 1
    while True:
        with writing(store.observe) as connection:
            if not backfill.step(connection, 8):
                assert not backfill.pending(connection)
                return steps
        steps += 1


def test_the_drainer_does_it_by_itself(write: Write, store: Store, drainer, wait_for) -> None:  # type: ignore[no-untyped-def]
    write([step("a", trace_id=f"t{n:03}", kind="llm", usage=Usage(n, 1)) for n in range(300)])
    wanted = _all(store)
    _forget(store)
    drainer.start()

    def done() -> bool:
        with store.observe.connect() as connection:
            return not backfill.pending(connection)

    wait_for(done)
    assert _all(store) == wanted
