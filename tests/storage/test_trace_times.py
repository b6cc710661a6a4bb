"""How long traces took."""

from sqlalchemy import insert

from pilothouse.storage import Store
from pilothouse.storage.database import writing
from pilothouse.storage.tables import traces
from pilothouse.storage.trace_times import durations_us


def test_durations_of_those_that_are_there(store: Store) -> None:
    row = {
        "project_id": "default", "root_id": "r", "name": "n", "kind": "llm", "start_us": 1, "status": "ok",
        "tags": "[]", "source": "gateway", "spans": 1, "errors": 0, "input_tokens": 0, "output_tokens": 0,
        "cost_known": True,
    }  # fmt: skip
    with writing(store.observe) as connection:
        connection.execute(insert(traces), [{**row, "trace_id": f"t{i}", "duration_us": i} for i in range(3)])
    assert durations_us(store, "default", ["t1", "t2", "t2", "none"]) == {"t1": 1, "t2": 2}
    assert durations_us(store, "other", ["t1"]) == durations_us(store, "default", []) == {}
