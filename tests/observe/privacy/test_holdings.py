"""How much is kept and when it goes, beside what retention then does."""

from pilothouse.ids import now_us
from pilothouse.observe.privacy.holdings import Holding, Holdings
from pilothouse.observe.privacy.retention import Retention
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Store
from pilothouse.storage.payload_days import day_of

from ..conftest import Write
from ..making import full_span

DAY_US = 86_400_000_000
AGES = RetentionConfig(payloads=2, spans=5, rollups=9)


def holdings(store: Store, at_us: int, project: str = "default", ages: RetentionConfig = AGES) -> dict[str, Holding]:
    held = Holdings(store, lambda: at_us)
    return {one.what: one for one in held.of(project, ages, held.days())}


def test_nothing_yet(store: Store) -> None:
    assert [(one.oldest, one.goes) for one in holdings(store, now_us()).values()] == [(None, None)] * 4
    assert Holdings(store).records() > 0


def test_each_goes_on_its_day_and_not_before(write: Write, store: Store) -> None:
    now = now_us()
    began = now - 3_600_000_000
    write([full_span(trace_id="t", start_us=began, end_us=began + 10)])
    found = holdings(store, now)
    assert (found["payloads"].oldest, found["payloads"].goes) == (day_of(now), day_of(now) + 3)
    by_day = store.observe.dialect.name == "postgresql"
    assert (found["traces"].oldest, found["traces"].goes) == (day_of(began), day_of(began) + 5 + by_day)
    assert (found["rollups"].oldest, found["rollups"].goes) == (day_of(began), day_of(began) + 10)
    assert found["questions"].oldest is None
    for what, gone in (("payloads", "days"), ("traces", "traces"), ("rollups", "rollups")):
        goes = found[what].goes
        assert goes is not None
        for day, expected in ((goes - 1, False), (goes + 1, True)):
            plan = Retention(store, lambda day=day: day * DAY_US + 1).plan(AGES)  # type: ignore[misc]
            assert bool(getattr(plan, gone)) is expected, (what, day)
    assert holdings(store, now, "elsewhere")["traces"].oldest is None
    ever = holdings(store, now, ages=RetentionConfig(payloads=0, spans=0, rollups=0))
    assert [one.goes for one in ever.values()] == [None] * 4
    assert ever["traces"].oldest == day_of(began)


def test_sizes(write: Write, store: Store) -> None:
    before = day_of(now_us())
    write([full_span(trace_id="t")])
    held = Holdings(store)
    ((day, size),) = held.days()
    assert before <= day <= held.today
    assert size > 0
