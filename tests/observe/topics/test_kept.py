"""Topics as they are kept: read back as written, counted by time, sealed with the key of payloads."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from pilothouse.observe.topics.kept import State, Topic, Topics
from pilothouse.observe.topics.questions import Questions
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.keyring import is_sealed, new_key
from pilothouse.storage.tables import topics

from ..conftest import Write
from ..making import full_span

NOW = 1_790_000_000_000_000
CENTRE = np.eye(4, dtype=np.float32)
FOUND = [
    Topic("a", ("refund", "gift card"), 3, 0.5, -0.25, ("t0", "t1"), "m", CENTRE[0]),
    Topic("b", (), 1, -1.0, 0.0, ("t3",), "m", CENTRE[1]),
]


def fill(store: Store, write: Write) -> Topics:
    write(full_span(trace_id=f"t{i}", start_us=NOW + i) for i in range(5))
    Questions(store).put("default", "m", [(f"t{i}", NOW + i, CENTRE[0]) for i in range(5)])
    kept = Topics(store)
    places = {f"t{i}": ("a", i / 10, 0.0) for i in range(3)} | {"t3": ("b", 1.0, 1.0)}
    kept.write("default", FOUND, places, State(NOW, NOW + 9, ""))
    return kept


def test_topics_come_back_as_they_were_written(store: Store, write: Write) -> None:
    kept = fill(store, write)
    assert kept.all("default") == FOUND
    assert np.array_equal(kept.all("default")[1].centre, CENTRE[1])
    assert (FOUND[0].label, FOUND[1].label) == ("refund, gift card", "no word in common (b)")
    assert kept.state("default") == State(NOW, NOW + 9, "")
    assert [kept.find("default", told) for told in ("b", "Refund, Gift Card", "other")] == ["b", "a", "other"]
    assert kept.counts("default", NOW, NOW + 9) == {"a": 3, "b": 1}
    assert kept.counts("default", NOW + 2, NOW + 3) == {"a": 1}
    dots = kept.dots("default", NOW, NOW + 9, {"a": 2, "b": 5})
    assert [(dot.trace, dot.topic, dot.x) for dot in dots] == [("t2", "a", 0.2), ("t1", "a", 0.1), ("t3", "b", 1.0)]
    assert (kept.all("other"), kept.state("other"), kept.counts("other", 0, NOW)) == ([], State(), {})


def test_others_take_their_place(store: Store, write: Write) -> None:
    kept = fill(store, write)
    kept.write("default", FOUND[:1], {"t3": ("a", 0.0, 0.0)}, State(NOW, NOW + 10, ""))
    assert kept.all("default") == FOUND[:1]
    assert kept.counts("default", NOW, NOW + 9) == {"a": 4}
    kept.clear("default")
    assert (kept.all("default"), kept.counts("default", NOW, NOW + 9)) == ([], {})
    assert kept.state("default").made_us == NOW + 10


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_they_are_called_is_sealed(settings: Settings, store: Store, write: Write) -> None:
    sealed = open_store(replace(settings, payload_key=new_key()))
    fill(sealed, write)
    assert Topics(sealed).all("default") == FOUND
    with store.observe.connect() as connection:
        assert all(map(is_sealed, connection.execute(select(topics.c.body)).scalars()))
    assert [(one.id, one.words, one.size) for one in Topics(store).all("default")] == [("a", (), 3), ("b", (), 1)]
    sealed.close()
