from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse import RAG
from pilothouse.errors import InvalidRequest, UnknownModel
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Embedded]:
    embedded = Embedded(Settings(home=tmp_path_factory.mktemp("home"), models=models_dir))
    yield embedded
    embedded.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deploys.md").write_text(
        "# Deploys\n\n## Rollback\n\nA rollback takes four minutes and needs one person.\n"
    )
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    return tmp_path


def test_ingest_search_ask(platform: Embedded, folder: Path) -> None:
    rag = RAG("handbook", platform=platform)
    report = rag.ingest(folder)
    assert [(o["source"], o["status"]) for o in report["outcomes"]] == [
        ("broken.pdf", "failed"),
        ("deploys.md", "added"),
    ]
    (hit, *_) = rag.search("how long is a rollback?", k=3)
    assert hit.place == "deploys.md, Deploys > Rollback"
    answer = rag.ask("How long does a rollback take?")
    assert "four minutes" in answer.text
    assert answer.citations[0].source == "deploys.md"
    assert answer.citations[0].headings == ("Deploys", "Rollback")


def test_mistakes_are_told(platform: Embedded, folder: Path) -> None:
    with pytest.raises(UnknownModel, match="no corpus 'elsewhere'"):
        RAG("elsewhere", platform=platform).search("x")
    with pytest.raises(InvalidRequest, match="no such file or folder"):
        RAG("handbook", platform=platform).ingest(folder / "missing")


def test_the_environment_names_a_server(platform: Embedded, folder: Path) -> None:
    env = {"PILOTHOUSE_URL": platform.address, "PILOTHOUSE_API_KEY": platform.key}
    with RAG("remote", env=env) as rag:
        rag.ingest(folder / "deploys.md")
        assert rag.search("rollback")


def test_without_one_the_platform_runs_here(folder: Path, tmp_path: Path, models_dir: Path) -> None:
    env = {"PILOTHOUSE_HOME": str(tmp_path / "own"), "PILOTHOUSE_MODELS": str(models_dir)}
    with RAG("own", env=env) as rag:
        rag.ingest(folder / "deploys.md")
        trace_id = rag.ask("How long does a rollback take?").trace_id
    from pilothouse.app import build

    with build(Settings(home=tmp_path / "own")) as platform:
        assert len(platform.traces.get(trace_id).spans) == 4
