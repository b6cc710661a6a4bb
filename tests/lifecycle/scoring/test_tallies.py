from pilothouse.lifecycle.scoring.tallies import Tallies
from pilothouse.storage import Store

DAY_US = 86_400_000_000


def test_counts_by_day_with_the_newest_reason(store: Store) -> None:
    now, seen = [10 * DAY_US], []
    tallies = Tallies(store.observe, lambda: now[0], lambda *about: seen.append(about))
    tallies.add("default", "r", "quality", "failed", "It broke.")
    now[0] += 1
    tallies.add("default", "r", "quality", "failed", "It broke\0 again.")
    tallies.add("default", "r", "quality", "failed")
    tallies.add("shop", "r", "quality", "scored")
    (mine,) = tallies.since(1, "default")
    assert (mine.count, mine.note, mine.noted_us) == (3, "It broke\ufffd again.", 10 * DAY_US + 1)
    assert len(tallies.since(1)) == 2
    assert seen == [("r", "quality", "failed")] * 3 + [("r", "quality", "scored")]
    now[0] += DAY_US
    assert tallies.since(1) == []
    assert len(tallies.since(2)) == 2
    now[0] += 100 * DAY_US
    tallies.forget()
    assert tallies.since(1000) == []
