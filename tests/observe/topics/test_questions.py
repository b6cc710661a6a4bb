"""Questions as vectors: kept as they came, sealed where there is a key, evenly chosen, gone with their traces."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from pilothouse.ids import now_us
from pilothouse.observe.privacy.erasing import Erasing
from pilothouse.observe.privacy.retention import Retention
from pilothouse.observe.topics.questions import Questions
from pilothouse.privacy import RetentionConfig
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.keyring import is_sealed, new_key
from pilothouse.storage.rotation import Rotation
from pilothouse.storage.tables import question_vectors

from ..conftest import Write
from ..making import full_span

DAY_US = 86_400_000_000
NOW = now_us()
OLD, NEW = new_key(), new_key()


def vectors(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    made = np.random.default_rng(7).normal(size=(count, 384)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def keep(store: Store, write: Write, names: Sequence[str], model: str = "m", project: str = "default") -> None:
    """Traces an hour apart, the last one now, with a vector each."""
    starts = [NOW - (len(names) - 1 - i) * 3_600_000_000 for i in range(len(names))]
    pairs = [*zip(names, starts, strict=True)]
    write(full_span(trace_id=name, start_us=start, project_id=project) for name, start in pairs)
    rows = [(name, start, vector) for (name, start), vector in zip(pairs, vectors(len(names)), strict=True)]
    assert Questions(store).put(project, model, rows) == len(names)


def kept(store: Store) -> list[str]:
    with store.observe.connect() as connection:
        return sorted(connection.execute(select(question_vectors.c.trace_id)).scalars())


def test_what_is_kept_comes_back_in_the_order_of_time(store: Store, write: Write) -> None:
    questions = Questions(store)
    keep(store, write, ["c", "a", "b"])
    keep(store, write, ["elsewhere"], project="other")
    found = questions.between("default", 0, NOW + 1)
    assert (found.model, found.traces, found.at_us[-1]) == ("m", ["c", "a", "b"], NOW)
    assert found.vectors.dtype == np.float32
    assert np.abs(np.sum(found.vectors * vectors(3), axis=1) - 1).max() < 1e-5
    assert questions.between("default", NOW, NOW + 1).traces == questions.of("default", ["b", "x"], "m").traces == ["b"]
    assert questions.count("default", 0, NOW) == len(questions.traces("default", 0, NOW)) == 2
    nothing = questions.between("nowhere", 0, NOW)
    assert (len(nothing), nothing.model) == (0, "")
    questions.forget("default", ["a"])
    assert kept(store) == ["b", "c", "elsewhere"]


def test_of_many_some_are_chosen_evenly_and_of_one_encoder(store: Store, write: Write) -> None:
    keep(store, write, [f"{i:02}" for i in range(20)])
    found = Questions(store).between("default", 0, NOW + 1, limit=5)
    assert found.traces == ["00", "04", "08", "12", "16"]
    Questions(store).put("default", "newer", [("19", NOW, vectors(1)[0])])
    assert Questions(store).between("default", 0, NOW + 1).traces == ["19"]


def test_a_trace_that_is_gone_gets_no_vector(store: Store, write: Write) -> None:
    write([full_span(trace_id="there")])
    rows = [(name, NOW, vectors(1)[0]) for name in ("there", "erased")]
    assert Questions(store).put("default", "m", rows) == 1
    assert kept(store) == ["there"]


def test_who_is_erased_leaves_no_vector(store: Store, write: Write) -> None:
    write([full_span(trace_id="of bob", user_id="bob")])
    keep(store, write, ["one", "two"])
    Questions(store).put("default", "m", [("of bob", NOW, vectors(1)[0])])
    Erasing(store).trace("default", "one")
    assert kept(store) == ["of bob", "two"]
    Erasing(store).user("default", "ada")
    assert kept(store) == ["of bob"]


def test_vectors_go_with_inputs_and_at_last_with_their_traces(store: Store, write: Write) -> None:
    keep(store, write, ["one", "two"])
    keep(store, write, ["three"], project="other")
    spans_only = RetentionConfig.model_construct(payloads=0, spans=3, rollups=0)  # as if no vector were too old
    both = RetentionConfig(payloads=3, spans=90, rollups=0)
    later = Retention(store, clock=lambda: NOW + 5 * DAY_US)
    assert later.plan(both).questions == 3
    assert later.plan(spans_only).questions == 0
    assert not any(step.questions for step in Retention(store, clock=lambda: NOW + 2 * DAY_US).run(both))
    assert sum(step.questions for step in later.run(both)) == 3
    assert kept(store) == []
    Questions(store).put("default", "m", [("one", NOW, vectors(1)[0])])
    assert sum(step.questions for step in later.run(spans_only)) == 1
    assert kept(store) == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_sealed_with_the_key_of_payloads_and_rotated_with_them(settings: Settings, store: Store, write: Write) -> None:
    old, new, newest = (open_store(replace(settings, payload_key=k)) for k in (OLD, f"{NEW},{OLD}", NEW))
    keep(store, write, ["plain"])
    keep(old, write, ["sealed"])
    assert Questions(store).between("default", 0, NOW + 1).traces == ["plain"]
    assert Questions(new).between("default", 0, NOW + 1).traces == ["plain", "sealed"]
    Rotation(new).run()
    found = Questions(newest).between("default", 0, NOW + 1)
    assert found.traces == ["plain", "sealed"]
    assert np.abs(found.vectors @ vectors(1)[0] - 1).max() < 1e-5
    with store.observe.connect() as connection:
        assert all(map(is_sealed, connection.execute(select(question_vectors.c.body)).scalars()))
    for opened in (old, new, newest):
        opened.close()
