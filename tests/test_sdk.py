from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse import RAG, ModelRouter, parallel
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


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Embedded]:
    """A platform whose alias `auto` chooses by complexity."""
    folder = tmp_path_factory.mktemp("routed")
    config = folder / "pilothouse.yaml"
    config.write_text(
        """
        models:
          fast: {deployments: [{provider: builtin, model: echo}]}
          smart: {deployments: [{provider: builtin, model: extractive}]}
          auto: {strategy: complexity, simple: fast, complex: smart, rules: [{when: {tools: true}, use: smart}]}
        """
    )
    embedded = Embedded(Settings(home=folder / "home", config=config, models=models_dir))
    yield embedded
    embedded.close()


HARD = (
    "Prove that every bounded sequence of real numbers has a convergent subsequence, then derive the complexity of an "
    "algorithm that finds one, and compare three approaches step by step."
)


def test_a_router_chooses_by_complexity_and_answers_the_same(routed: Embedded) -> None:
    router = ModelRouter(platform=routed)
    easy, hard = router.choose("What is the capital of France?"), router.choose(HARD)
    assert (easy.model, hard.model) == ("fast", "smart")
    assert easy.probability is not None
    assert hard.probability is not None
    assert easy.threshold is not None
    assert easy.probability < easy.threshold == hard.threshold <= hard.probability
    assert (easy.deployment, "complexity" in easy.reason) == ("builtin/echo", True)
    answer = router.route("What is the capital of France?")
    assert answer.text.strip() == "What is the capital of France?"
    assert len(answer.trace_id) == 32


def test_choosing_calls_no_model(routed: Embedded) -> None:
    before = len(routed.client.request("GET", "/api/traces")["data"])
    ModelRouter(platform=routed).choose(HARD)
    assert len(routed.client.request("GET", "/api/traces")["data"]) == before


def test_context_is_told_first(routed: Embedded) -> None:
    router = ModelRouter("smart", platform=routed)
    plain = router.choose("anything")
    assert (plain.model, plain.probability, plain.threshold) == ("smart", None, None)
    answer = ModelRouter("fast", platform=routed).route("again", context="Be brief.", temperature=0)
    assert answer.text.strip() == "again"
    earlier = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    assert ModelRouter("fast", platform=routed).choose("three", context=earlier).model == "fast"


def test_a_router_over_http_and_its_mistakes(routed: Embedded) -> None:
    with ModelRouter("nowhere", env={"PILOTHOUSE_URL": routed.address, "PILOTHOUSE_API_KEY": routed.key}) as router:
        with pytest.raises(UnknownModel, match="nowhere"):
            router.choose("x")
        with pytest.raises(UnknownModel):
            router.route("x")


def test_prompts_in_parallel_on_any_platform(routed: Embedded) -> None:
    answers = parallel(["one", "two"], model="fast", platform=routed)
    assert [answer.text.strip() for answer in answers] == ["one", "two"]
