"""The events of streams from the background, on either database."""

from pilothouse.storage import Store
from pilothouse.storage.response_events import KeptEvent, ResponseEventStore, delete_events
from pilothouse.storage.responses import ResponseStore, StoredResponse


def event(number: int) -> KeptEvent:
    return KeptEvent(number, "response.in_progress", f'{{"sequence_number":{number}}}')


def kept(store: Store, *names: str) -> ResponseEventStore:
    """For the events of these responses, which are there."""
    responses = ResponseStore(store.observe)
    for name in names:
        responses.put("p", StoredResponse(name, "m", [], {"status": "in_progress"}), lease=30)
    return responses.events


def test_events_are_read_from_any_number_on(store: Store) -> None:
    events = kept(store, "resp_1", "resp_2")
    assert events.last("p", "resp_1") is None
    events.begin("p", "resp_1")
    assert (events.last("p", "resp_1"), events.read("p", "resp_1", -1)) == (-1, [])
    events.add("p", "resp_1", [event(0), event(1), event(2)])
    events.add("p", "resp_1", [event(3)])
    assert events.last("p", "resp_1") == 3
    for after in range(-1, 5):
        assert events.read("p", "resp_1", after) == [event(n) for n in range(after + 1, 4)]
    assert events.read("other", "resp_1", -1) == events.read("p", "resp_2", -1) == []


def test_they_are_forgotten_with_their_response_alone(store: Store) -> None:
    events = kept(store, "resp_1", "resp_2")
    for name in ("resp_1", "resp_2"):
        events.begin("p", name)
    with store.observe.begin() as connection:
        delete_events(connection, "p", "resp_1")
    assert (events.last("p", "resp_1"), events.last("p", "resp_2")) == (None, -1)


def test_what_comes_after_its_response_was_deleted_is_not_kept(store: Store) -> None:
    events = kept(store, "resp_1")
    events.begin("p", "resp_1")
    ResponseStore(store.observe).delete("p", "resp_1")
    events.add("p", "resp_1", [event(0)])
    assert events.last("p", "resp_1") is None
