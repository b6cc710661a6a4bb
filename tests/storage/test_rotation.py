"""Rotation: everything is sealed with the newest key, in steps that can be cut off, and reads as before."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from pilothouse.errors import ConfigError, StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store, writing
from pilothouse.storage.keyring import new_key
from pilothouse.storage.response_events import KeptEvent
from pilothouse.storage.responses import ResponseStore, StoredResponse
from pilothouse.storage.rotation import Rotated, Rotation
from pilothouse.storage.tables import insert_new, payloads

OLD, NEW = new_key(), new_key()
PLACES = [("default", f"trace-{i}", "span") for i in range(1200)]


def opened(settings: Settings, keys: str | None) -> Store:
    return open_store(replace(settings, payload_key=keys))


def fill(store: Store, places: list[tuple[str, str, str]]) -> None:
    names = ("project_id", "trace_id", "span_id")
    rows = [dict(zip(names, place, strict=True), body=store.packer.pack(place[1], *place)) for place in places]
    with store.observe.begin() as connection:
        connection.execute(insert_new(connection, payloads), rows)


def fill_day(store: Store, places: list[tuple[str, str, str]], day: int) -> None:
    with writing(store.observe) as connection:
        store.payloads.put(connection, day, [(*place, store.packer.pack(place[1], *place)) for place in places])


def read(store: Store) -> set[str]:
    rows = []
    with store.observe.connect() as connection:
        rows += connection.execute(select(payloads)).all()
        days = [size.day for size in store.payloads.sizes(connection)]
    for day in days:
        with store.payloads.engine(day).connect() as connection:
            rows += connection.execute(select(store.payloads.table(day))).all()
    return {store.packer.unpack(row.body, row.project_id, row.trace_id, row.span_id) for row in rows}


def keep_answer(store: Store) -> None:
    kept = ResponseStore(store.observe, packer=store.packer)
    kept.put("default", StoredResponse("resp_1", "fast", [{"content": "asked"}], {"status": "queued"}))
    kept.events.add("default", "resp_1", [KeptEvent(0, "response.created", "{}")])


def test_all_of_it_is_sealed_anew_with_and_without_a_key_before(settings: Settings) -> None:
    plain, old, new = (opened(settings, keys) for keys in (None, OLD, f"{NEW},{OLD}"))
    fill(plain, PLACES[:600])
    fill_day(plain, PLACES[600:800], 20_000)
    fill_day(old, PLACES[800:], 20_001)
    keep_answer(old)
    rotation, heard = Rotation(new), list[int]()
    assert rotation.pending() == 1202
    assert rotation.run(heard.append) == Rotated(1202, 0)
    assert max(heard) <= 500
    assert (sum(heard), rotation.pending(), rotation.run()) == (1202, 0, Rotated(0, 0))
    without_old = opened(settings, NEW)
    assert read(without_old) == {place[1] for place in PLACES}
    kept = ResponseStore(without_old.observe, packer=without_old.packer)
    assert kept.get("default", "resp_1").input == [{"content": "asked"}]
    assert kept.events.read("default", "resp_1", -1) == [(0, "response.created", "{}")]
    blind = ResponseStore(plain.observe)
    with pytest.raises(StorageError, match=r"Response 'resp_1' cannot be read: .*PILOTHOUSE_PAYLOAD_KEY"):
        blind.get("default", "resp_1")
    with pytest.raises(StorageError, match="events of response 'resp_1' cannot be read"):
        blind.events.read("default", "resp_1", -1)
    for store in (plain, old, new, without_old):
        store.close()


def test_cut_off_it_goes_on_where_it_stood(settings: Settings) -> None:
    plain, new = opened(settings, None), opened(settings, NEW)
    fill(plain, PLACES)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rotation(new).run(stop)
    assert Rotation(new).pending() == 700
    assert Rotation(new).run() == Rotated(700, 0)
    assert read(new) == {place[1] for place in PLACES}
    plain.close()
    new.close()


def test_what_no_key_opens_is_counted_and_left_and_nothing_can_be_moved(settings: Settings) -> None:
    old, new = opened(settings, OLD), opened(settings, NEW)
    fill(old, PLACES[:2])
    fill(new, PLACES[2:4])
    assert Rotation(new).run() == Rotated(0, 2)
    with new.observe.connect() as connection:
        body = connection.scalar(select(payloads.c.body).where(payloads.c.trace_id == "trace-2"))
    assert body is not None
    assert new.packer.unpack(body, *PLACES[2]) == "trace-2"
    with pytest.raises(ValueError, match="another place"):
        new.packer.unpack(body, *PLACES[3])
    assert Rotation(new).run() == Rotated(0, 2)
    old.close()
    new.close()


def test_without_a_key_there_is_nothing_to_seal_with(store: Store) -> None:
    with pytest.raises(ConfigError, match="PILOTHOUSE_PAYLOAD_KEY is not set"):
        Rotation(store)
