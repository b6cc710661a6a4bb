"""`pilothouse rag` over a whole platform: real jobs in child processes, the embedded encoder, the built-in answerer."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.rag import rag
from pilothouse.errors import ConfigError, InvalidRequest, PilothouseError, UnknownModel
from pilothouse.settings import Settings
from pilothouse.storage import Job


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Context:
    folder = tmp_path_factory.mktemp("cli-rag")
    (folder / "pilothouse.yaml").touch()
    return Context(Settings(home=folder / "home", config=folder / "pilothouse.yaml", models=models_dir), build)


@pytest.fixture(scope="module")
def ingested(context: Context) -> Result:
    """The result of a first ingest, with a broken file among good ones."""
    notes = context.settings.home.parent / "notes"
    notes.mkdir()
    (notes / "tides.md").write_text("# Tides\n\nThe moon pulls the sea. High tide comes twice a day.\n")
    (notes / "rain.md").write_text("# Rain\n\nRain falls when clouds are full of water.\n")
    (notes / "escape.txt").write_text("Zebras \x1b[31m are striped.\n")
    (notes / "bad.pdf").write_bytes(b"not a pdf")
    (notes / "data.xyz").write_bytes(b"?")
    return run(context, "ingest", str(notes))


def run(context: Context, *arguments: str) -> Any:
    runner = CliRunner(env={"COLUMNS": "200"})
    return runner.invoke(rag, arguments, obj=context, standalone_mode=False, catch_exceptions=False)


def test_a_broken_file_is_listed_and_gives_exit_code_3(ingested: Result) -> None:
    assert ingested.return_value == 3
    assert ingested.stdout.startswith("docs@1: 3 added; 3 passages, in ")
    assert "Skipped, for want of a loader: 1 .xyz." in ingested.stdout
    assert "bad.pdf  failed  is not a readable PDF file, or has no pages." in ingested.stdout
    assert ingested.stdout.endswith("1 file could not be read.\n")


@pytest.mark.usefixtures("ingested")
def test_a_second_ingest_of_a_good_file_changes_nothing(context: Context) -> None:
    result = run(context, "ingest", str(context.settings.home.parent / "notes" / "rain.md"), "--json")
    assert result.return_value == 0
    report = json.loads(result.stdout)
    assert (report["version"], report["previous_version"]) == (1, 1)
    assert report["outcomes"] == [{"source": "rain.md", "status": "unchanged", "reason": "", "pages": 0, "chunks": 0}]


@pytest.mark.usefixtures("ingested")
def test_search(context: Context) -> None:
    lines = run(context, "search", "how often is the tide high?", "-k", "1").stdout.splitlines()
    assert lines == [
        "1. tides.md, Tides  (1.000: dense 1, bm25 1)",
        "   The moon pulls the sea. High tide comes twice a day.",
    ]
    hits = json.loads(run(context, "search", "clouds", "--json").stdout)
    assert (hits[0]["rank"], hits[0]["place"]) == (1, "rain.md, Rain")


@pytest.mark.usefixtures("ingested")
def test_documents_do_not_steer_the_terminal(context: Context) -> None:
    found = run(context, "search", "striped zebras", "-k", "1").stdout
    assert "Zebras \N{REPLACEMENT CHARACTER}[31m are striped." in found


@pytest.mark.usefixtures("ingested")
def test_ask_streams_an_answer_and_prints_its_citations(context: Context) -> None:
    result = run(context, "ask", "How often does high tide come?")
    assert "twice a day" in result.stdout
    assert "[1] tides.md, Tides" in result.stdout.splitlines()
    assert "pilothouse traces show" in result.stderr
    said = json.loads(run(context, "ask", "How often does high tide come?", "--json").stdout)
    assert said["citations"][0]["place"] == "tides.md, Tides"
    assert "twice a day" in said["answer"]
    with context.platform() as platform:
        platform.drainer.flush()
        names = [span.name for span in platform.traces.get(said["trace_id"]).spans]
    assert {"chat rag:docs", "rag.retrieve", "embeddings builtin/minilm", "chat builtin/extractive"} <= set(names)


@pytest.mark.usefixtures("ingested")
def test_list(context: Context) -> None:
    (corpus,) = json.loads(run(context, "list", "--json").stdout)
    assert (corpus["name"], corpus["version"], corpus["documents"]) == ("docs", 1, 3)
    assert "docs" in run(context, "list").stdout
    documents = json.loads(run(context, "list", "docs", "--json").stdout)
    assert [document["source"] for document in documents] == ["escape.txt", "rain.md", "tides.md"]
    assert "tides.md" in run(context, "list", "docs").stdout


@pytest.mark.usefixtures("ingested")
def test_errors_are_told(context: Context) -> None:
    with pytest.raises(UnknownModel, match=r"no corpus 'nope'. There are: docs\."):
        run(context, "ask", "x", "--corpus", "nope")
    with pytest.raises(InvalidRequest, match="nowhere: there is no such file"):
        run(context, "ingest", "nowhere")


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        ("failed", "no space left", r"The ingest failed.* is as it was: no space left"),
        ("cancelled", None, "was cancelled"),
    ],
)
def test_an_ingest_that_came_to_nothing_says_why(
    context: Context, monkeypatch: pytest.MonkeyPatch, status: Any, error: str | None, said: str
) -> None:
    def ended(platform: Any, job_id: str) -> Job:
        job = platform.jobs.cancel(job_id)
        return replace(job, status=status, error=error)

    monkeypatch.setattr("pilothouse.cli.rag._follow", ended)
    with pytest.raises(PilothouseError, match=said):
        run(context, "ingest", str(context.settings.config.parent), "--corpus", "other")


def test_chunk_sizes_that_do_not_fit_are_refused_at_once(context: Context, tmp_path: Path) -> None:
    config = tmp_path / "pilothouse.yaml"
    config.write_text("rag: {chunk_tokens: 100, overlap_tokens: 90}\n")
    other = Context(replace(context.settings, home=tmp_path / "home", config=config), build)
    with pytest.raises(ConfigError, match="rag: overlap_tokens must be at most half"):
        run(other, "ingest", str(tmp_path))


def test_nothing_yet(context: Context, tmp_path: Path) -> None:
    empty = Context(replace(context.settings, home=tmp_path), build)
    assert run(empty, "list").stdout == "No corpus yet: pilothouse rag ingest PATH\n"
