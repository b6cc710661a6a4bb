"""The main job from start to end, as a process of its own, on documents of the test."""

from pathlib import Path

import pytest

from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer

from .test_main import run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "deploys.md").write_text(
        "# Deploys\n\n## Rollback\n\nA rollback takes four minutes and needs one person.\n"
    )
    (folder / "office.html").write_text("<h1>Office</h1><p>The office closes at six in the evening.</p>")
    return folder


def test_documents_in_cited_answer_and_trace_out(tmp_path: Path, docs: Path, models_dir: Path) -> None:
    question = "How long does a rollback take?"
    done = run(
        "demo", "--exit", "--docs", str(docs), "--ask", question, cwd=tmp_path, PILOTHOUSE_MODELS=str(models_dir)
    )
    assert done.returncode == 0, done.stderr
    assert "no generative model" in done.stdout
    assert "A rollback takes four minutes and needs one person. [" in done.stdout
    assert "deploys.md, Deploys > Rollback" in done.stdout
    for step in ("chat rag:demo", "rag.retrieve", "embeddings builtin/minilm", "Made by", "snapshot", "/console"):
        assert step in done.stdout
    assert not (tmp_path / ".pilothouse" / "control.db").exists()


def test_a_file_that_cannot_be_read_is_told_and_the_exit_code_says_so(
    tmp_path: Path, docs: Path, models_dir: Path
) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    args = ("demo", "--exit", "--keep", "--docs", str(docs), "--ask", "When does the office close?")
    done = run(*args, cwd=tmp_path, PILOTHOUSE_MODELS=str(models_dir))
    assert done.returncode == 3, done.stderr
    assert "broken.pdf" in done.stdout
    assert "closes at six" in done.stdout
    assert (tmp_path / ".pilothouse" / "control.db").exists()


def test_a_model_server_answers_from_the_passages(tmp_path: Path, docs: Path, models_dir: Path) -> None:
    with OpenAIServer(Answer(text="Four minutes [1], I am told.")) as server:
        (tmp_path / "pilothouse.yaml").write_text(
            f'providers: {{wire: {{kind: openai, base_url: "{server.url}/v1", api_key: k}}}}\n'
            "models: {smart: {deployments: [{provider: wire, model: wire-model}]}}\n"
            "rag: {answer_model: smart}\n"
        )
        args = ("demo", "--exit", "--docs", str(docs), "--ask", "How long does a rollback take?")
        done = run(*args, cwd=tmp_path, PILOTHOUSE_MODELS=str(models_dir))
    assert done.returncode == 0, done.stderr
    assert "Four minutes [1], I am told." in done.stdout
    assert "deploys.md, Deploys > Rollback" in done.stdout
    assert "unknown" in done.stdout  # the price of a server of one's own
    sent = server.last.body["messages"]
    assert sent[0]["role"] == "system"
    assert "<passages>" in sent[-1]["content"]
    assert server.last.body["stream"] is True
