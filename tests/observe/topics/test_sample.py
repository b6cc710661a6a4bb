"""The sample of a day: every trace has the same chance, and what it was asked is read from where it was kept."""

from pilothouse.observe.topics.sample import Sample, rank
from pilothouse.storage import Store

from ..conftest import Write
from ..making import full_span

NOW = 1_790_000_000_000_000
HOUR_US = 3_600_000_000


def test_the_first_by_rank_of_a_time(store: Store, write: Write) -> None:
    names = [f"trace-{i:03}" for i in range(60)]
    write(full_span(trace_id=name, start_us=NOW + i, input=None, output=None) for i, name in enumerate(names))
    write([full_span(trace_id="later", start_us=NOW + HOUR_US), full_span(trace_id="far", project_id="x")])
    sample = Sample(store)
    assert sample.first("default", NOW, NOW + HOUR_US, 10) == sorted(names, key=rank)[:10]
    assert sample.first("default", NOW + 1, NOW + 3, 10) == sorted(names[1:3], key=rank)
    assert sample.count("default", NOW, NOW + HOUR_US) == 60
    ranks = [rank(name)[0] for name in (f"t{i}" for i in range(4000))]
    assert 120 < sum(ranks) / len(ranks) < 135  # evenly spread over 0 to 255


def test_what_was_asked_is_the_roots_else_that_of_its_first_call(store: Store, write: Write) -> None:
    asked = {"messages": [{"role": "user", "content": "first?"}, {"role": "user", "content": "How\n so?"}]}
    write([full_span(trace_id="call", input=asked, start_us=NOW)])
    for name, given in (("chain", {"query": "Why?"}), ("mute", None)):
        root = full_span(trace_id=name, kind="chain", input=given, start_us=NOW)
        late = full_span(trace_id=name, parent_id=root.id, start_us=NOW + 9, input={"prompt": "late"})
        early = full_span(trace_id=name, parent_id=root.id, start_us=NOW + 5, input={"prompt": "early"})
        write([root, late, early])
    write([full_span(trace_id="nothing", input=None, output=None, start_us=NOW)])
    found = Sample(store).asked("default", ["call", "chain", "mute", "nothing", "unheard-of"])
    assert found == {"call": (NOW, "How so?"), "chain": (NOW, "Why?"), "mute": (NOW, "early")}
    assert Sample(store).asked("default", []) == {}
