"""`pilothouse demo` asks its questions of these very pages: what they are meant to bring to light is on top."""

from pathlib import Path

from pilothouse.cli.demo import OWN_QUESTIONS
from pilothouse.sdk import RAG, Embedded
from pilothouse.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
MEANT = ("loses no call that a client saw answered in full", "reads at most 256 tokens", "*unknown*")


def test_the_first_sentence_of_each_answer_is_the_one_that_is_meant(tmp_path: Path, models_dir: Path) -> None:
    server = Embedded(Settings(home=tmp_path, models=models_dir))
    try:
        rag = RAG("demo", platform=server)
        rag.ingest(DOCS)
        for question, meant in zip(OWN_QUESTIONS, MEANT, strict=True):
            text = rag.ask(question).text
            assert meant in text.partition("]")[0], f"{question}\n{text}"
    finally:
        server.close()
