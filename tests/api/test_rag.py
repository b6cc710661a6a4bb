"""`/api/rag` over a whole platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pilothouse.api.access.keys import routes as keys_routes
from pilothouse.api.jobs import routes as jobs_routes
from pilothouse.api.management import management
from pilothouse.api.rag import routes
from pilothouse.app import build
from pilothouse.settings import Settings

KEY = "sk-test-of-the-rag-routes"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[TestClient]:
    """An administrator's client; the corpus `docs` is ingested."""
    folder = tmp_path_factory.mktemp("api-rag")
    (folder / "tides.md").write_text("# Tides\n\nThe moon pulls the sea. High tide comes twice a day.\n")
    (folder / "pilothouse.yaml").touch()
    settings = Settings(
        home=folder / "home", config=folder / "pilothouse.yaml", models=models_dir, master_key=KEY
    )  # fmt: skip
    with build(settings) as platform:
        platform.first_key()
        routers = [
            routes(platform.rag, platform.gateway, platform.recorder), keys_routes(platform.keys),
            jobs_routes(platform.jobs),
        ]  # fmt: skip
        headers = {"authorization": f"Bearer {KEY}"}
        with TestClient(management(routers, platform.keys, settings.max_body_bytes), headers=headers) as client:
            job = client.post("/api/rag/corpora/docs/ingest", json={"paths": [str(folder / "tides.md")]})
            assert (job.status_code, job.json()["status"]) == (202, "queued")
            platform.executor.run_until_idle()
            finished = client.get(f"/api/jobs/{job.json()['id']}").json()
            assert (finished["status"], finished["result"]["version"]) == ("done", 1)
            yield client


def test_corpora_and_documents(client: TestClient) -> None:
    (corpus,) = client.get("/api/rag/corpora").json()
    assert (corpus["name"], corpus["version"], corpus["documents"], corpus["chunks"]) == ("docs", 1, 1, 1)
    (document,) = client.get("/api/rag/corpora/docs/documents").json()
    assert (document["source"], document["title"]) == ("tides.md", "Tides")


def test_search(client: TestClient) -> None:
    answer = client.post("/api/rag/corpora/docs/search", json={"query": "moon", "k": 3}).json()
    assert len(answer["trace_id"]) == 32
    (hit,) = answer["hits"]
    assert (hit["source"], hit["headings"], hit["ranks"]) == ("tides.md", ["Tides"], {"dense": 1, "bm25": 1})


@pytest.mark.parametrize(("what", "body"), [("search", {"query": "moon"}), ("ask", {"question": "The tide?"})])
def test_each_counts_as_a_request(client: TestClient, what: str, body: dict[str, str]) -> None:
    limited = {"name": "k", "role": "editor", "limits": {"requests_per_minute": 1}}
    headers = {"authorization": f"Bearer {client.post('/api/keys', json=limited).json()['secret']}"}
    answers = [client.post(f"/api/rag/corpora/docs/{what}", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert "retry-after" in answers[1].headers


def test_ask(client: TestClient) -> None:
    answer = client.post("/api/rag/corpora/docs/ask", json={"question": "How often does high tide come?"}).json()
    assert "twice a day" in answer["answer"]
    assert [(c["number"], c["place"]) for c in answer["citations"]] == [(1, "tides.md, Tides")]


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("nope/search", {"query": "x"}, 404, "corpus"),
        ("nope/ask", {"question": "x"}, 404, "corpus"),
        ("a b/search", {"query": "x"}, 400, "corpus"),
        ("docs/search", {"query": ""}, 400, "query"),
        ("docs/search", {"query": " "}, 400, "query"),
        ("docs/search", {"query": "x", "k": 0}, 400, "k"),
        ("docs/ask", {}, 400, "question"),
        ("docs/ingest", {"paths": []}, 400, "paths"),
        ("docs/ingest", {"paths": ["/does/not/exist"]}, 400, "paths"),
    ],
)
def test_bad_input_names_the_place(
    client: TestClient, path: str, body: dict[str, object], status: int, param: str
) -> None:
    answer = client.post(f"/api/rag/corpora/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_others_are_kept_out(client: TestClient) -> None:
    answer = client.get("/api/rag/corpora", headers={"authorization": "Bearer sk-other"})
    assert answer.status_code == 401
