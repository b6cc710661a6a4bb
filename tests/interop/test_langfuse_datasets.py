"""The official `langfuse` SDK, unmodified, over our datasets: items, runs, experiments; for each of its versions."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest

from .conftest import Door

langfuse = pytest.importorskip("langfuse")
MAJOR = int(version("langfuse").partition(".")[0])
NAME = f"evaluation/capitals {MAJOR}"
CAPITALS = {"France": "Paris", "Norway": "Oslo", "Ghana": "Accra"}
_PATIENCE = 30.0  # seconds; the server gathers every five


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[Any]:
    made = langfuse.Langfuse(public_key="pk-lf-datasets", secret_key=door.key, host=door.url)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def dataset(client: Any) -> Any:
    """Three countries, each put with an id, and one of them in a trace."""
    client.create_dataset(name=NAME, description="countries", metadata={"team": "maps"})
    with client.start_as_current_observation(as_type="span", name="asked", input="Ghana") as root:
        trace, step = root.trace_id, root.id
    client.flush()
    for country, capital in CAPITALS.items():
        source = {"source_trace_id": trace, "source_observation_id": step} if country == "Ghana" else {}
        made = client.create_dataset_item(
            dataset_name=NAME, id=f"{country}-{MAJOR}", input={"country": country}, expected_output=capital,
            metadata={"letters": len(country)}, **source,
        )  # fmt: skip
        assert made.dataset_name == NAME
        assert made.source_trace_id == source.get("source_trace_id")
    return client.get_dataset(NAME, fetch_items_page_size=2)


def ours(door: Door, path: str, **query: Any) -> Any:
    request = urllib.request.Request(f"{door.url}{path}?{urllib.parse.urlencode(query)}")
    request.add_header("authorization", f"Bearer {door.key}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def soon(look: Callable[[], Any]) -> Any:
    """What `look` gives once it is true of the server, whose background work brings it."""
    until = time.monotonic() + _PATIENCE
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def outcomes_of(door: Door, run: str, many: int, evaluator: str | None = None) -> dict[str, Any]:
    """Our outcomes of the run, by case, once there are so many with an answer and a verdict of the evaluator."""

    def look() -> dict[str, Any] | None:
        try:
            found = ours(door, f"/api/evals/runs/{urllib.parse.quote(run, safe='')}/outcomes")["data"]
        except urllib.error.HTTPError:
            return None
        whole = [
            one for one in found
            if one["case"]["output"] and (evaluator is None or evaluator in {v["evaluator"] for v in one["verdicts"]})
        ]  # fmt: skip
        return {one["case"]["id"]: one for one in whole} if len(whole) == many else None

    told = soon(look)
    assert told is not None
    return dict(told)


def test_a_dataset_and_its_items_are_read_back(client: Any, dataset: Any) -> None:
    assert (dataset.name, dataset.description, dataset.metadata) == (NAME, "countries", {"team": "maps"})
    items = {item.input["country"]: item for item in dataset.items}
    assert {country: item.expected_output for country, item in items.items()} == CAPITALS
    ghana = items["Ghana"]
    assert (ghana.id, ghana.metadata, ghana.status.value) == (f"Ghana-{MAJOR}", {"letters": 5}, "ACTIVE")
    assert len(ghana.source_trace_id) == 32
    assert client.api.dataset_items.get(ghana.id).expected_output == "Accra"
    of_trace = client.api.dataset_items.list(source_trace_id=ghana.source_trace_id).data
    assert [item.id for item in of_trace] == [ghana.id]
    assert NAME in {one.name for one in client.api.datasets.list(limit=100).data}
    with pytest.raises(Exception, match="no dataset"):
        client.get_dataset("none such")


def test_the_items_are_ours(door: Door, dataset: Any) -> None:
    page = ours(door, f"/api/datasets/{dataset.id}/items")
    assert {item["id"]: item["expected"] for item in page["data"]} == {
        f"{country}-{MAJOR}": capital for country, capital in CAPITALS.items()
    }


def test_an_item_is_changed_archived_and_deleted(client: Any) -> None:
    name = f"changing {MAJOR}"
    client.create_dataset(name=name)
    key = f"one-{MAJOR}"
    client.create_dataset_item(dataset_name=name, id=key, input="a", expected_output="b")
    before = client.api.dataset_items.get(key).created_at
    changed = client.create_dataset_item(dataset_name=name, id=key, expected_output="c")
    assert (changed.input, changed.expected_output) == ("a", "c")
    archived = langfuse.api.DatasetStatus.ARCHIVED if MAJOR > 3 else langfuse.model.DatasetStatus.ARCHIVED
    assert client.create_dataset_item(dataset_name=name, id=key, status=archived).status == archived
    assert client.get_dataset(name).items == []
    (then,) = client.get_dataset(name, version=before).items
    assert then.expected_output == "b"
    other = client.create_dataset_item(dataset_name=name, input="x", metadata=["any", {"json": 1}])
    assert client.api.dataset_items.get(other.id).metadata == ["any", {"json": 1}]
    client.api.dataset_items.delete(other.id)
    assert client.get_dataset(name).items == []


@pytest.mark.skipif(MAJOR == 5, reason="version 5 links no items by calls")
def test_items_are_run_one_by_one(door: Door, client: Any, dataset: Any) -> None:
    run = f"by hand {MAJOR}"
    for item in dataset.items:
        if MAJOR == 3:
            with item.run(run_name=run, run_metadata={"commit": "c1"}, run_description="first") as root:
                root.update_trace(output=CAPITALS[item.input["country"]])
                root.update(output=CAPITALS[item.input["country"]])
                root.score_trace(name="exact", value=1.0, comment="same")
        else:
            with client.start_as_current_observation(as_type="span", name="by hand") as root:
                root.update(output=CAPITALS[item.input["country"]])
                root.score_trace(name="exact", value=1.0, comment="same")
            client.api.dataset_run_items.create(
                run_name=run, dataset_item_id=item.id, trace_id=root.trace_id, observation_id=root.id,
                run_description="first", metadata={"commit": "c1"},
            )  # fmt: skip
    client.flush()
    found = client.get_dataset_run(dataset_name=NAME, run_name=run)
    assert (found.name, found.description, found.metadata) == (run, "first", {"commit": "c1"})
    assert {one.dataset_item_id for one in found.dataset_run_items} == {item.id for item in dataset.items}
    listed = client.api.dataset_run_items.list(dataset_id=dataset.id, run_name=run, limit=2)
    assert (listed.meta.total_items, len(listed.data)) == (3, 2)
    assert run in {one.name for one in client.get_dataset_runs(dataset_name=NAME).data}
    outcomes = outcomes_of(door, found.id, 3, "exact")
    ghana = outcomes[f"Ghana-{MAJOR}"]
    assert (ghana["case"]["output"], ghana["case"]["expected"]) == ("Accra", "Accra")
    assert ghana["case"]["latency_s"] is not None
    assert ghana["verdicts"][0]["score"] == 1.0
    client.delete_dataset_run(dataset_name=NAME, run_name=run)
    assert run not in {one.name for one in client.get_dataset_runs(dataset_name=NAME).data}


def test_an_experiment_is_a_run_of_ours(door: Door, client: Any, dataset: Any) -> None:
    run = f"experiment {MAJOR}"

    def task(*, item: Any, **_: Any) -> str:
        if item.input["country"] == "Norway":
            raise RuntimeError("no map of it")
        return CAPITALS[item.input["country"]].upper() if item.input["country"] == "France" else "Accra"

    def exact(*, output: Any, expected_output: Any, **_: Any) -> Any:
        return langfuse.Evaluation(name="exact", value=float(output == expected_output), comment="compared")

    def mean(*, item_results: Any, **_: Any) -> Any:
        values = [one.evaluations[0].value for one in item_results]
        return langfuse.Evaluation(name="mean", value=sum(values) / len(values))

    result = dataset.run_experiment(
        name="capitals", run_name=run, description="an experiment", task=task, evaluators=[exact],
        run_evaluators=[mean], metadata={"model": "none"},
    )  # fmt: skip
    client.flush()
    assert len(result.item_results) == 2
    outcomes = outcomes_of(door, run, 3)
    failed = outcomes.pop(f"Norway-{MAJOR}")
    assert failed["error"] == "no map of it"
    outcomes = outcomes_of(door, run, 2, "exact")
    told = {key: (one["case"]["output"], one["verdicts"][0]["score"]) for key, one in outcomes.items()}
    assert told == {f"France-{MAJOR}": ("PARIS", 0.0), f"Ghana-{MAJOR}": ("Accra", 1.0)}

    def whole() -> Any:
        found = ours(door, f"/api/evals/runs/{urllib.parse.quote(run)}")
        return found if found["subject"].get("scores") else None

    kept = soon(whole)
    assert (kept["kind"], kept["dataset_id"], kept["cases"]) == ("external", dataset.id, 3)
    assert (kept["subject"]["scores"], kept["metadata"]) == ({"mean": 0.5}, {"model": "none"})
    if MAJOR == 5:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        (one,) = client.api.experiments.list(from_start_time=long_ago, name=run, fields="core,metadata,scores").data
        assert (one.id, one.item_count, one.dataset_id) == (result.experiment_id, 3, dataset.id)
        assert [(score.name, score.value) for score in one.scores] == [("mean", 0.5)]
        asked = {"from_start_time": long_ago, "experiment_id": result.experiment_id, "fields": "core,io,scores"}
        items = {item.experiment_item_id: item for item in client.api.experiments.list_items(**asked, limit=2).data}
        assert items["France-5"].output == "PARIS"
        assert [score.value for score in items["Ghana-5"].scores] == [1.0]


@pytest.mark.skipif(MAJOR == 3, reason="version 3 says nothing of experiments over what is in no dataset")
def test_an_experiment_over_data_of_its_own(door: Door, client: Any) -> None:
    run = f"local {MAJOR}"
    data = [{"input": "2+2?", "expected_output": "4"}]
    client.run_experiment(name="sums", run_name=run, data=data, task=lambda *, item, **_: "4")
    client.flush()
    (only,) = outcomes_of(door, run, 1).values()
    assert (only["case"]["input"], only["case"]["output"]) == ("2+2?", "4")
