import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.call import Call
from pilothouse.config import RagConfig
from pilothouse.errors import ConfigError, InvalidRequest, NotFound, StorageError, UnknownModel, Unsupported
from pilothouse.passages import parse_passages
from pilothouse.rag import ChunkSettings, Rag, RagProvider, ingest
from pilothouse.rag.prompt import PROMPT_ID
from pilothouse.rag.schema import corpus_folder
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.jobs import Jobs
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.testing.record import new_call
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Usage

from .made import write_notes

NOTES = {"tides.md": "# Tides\nThe moon pulls the sea.", "rain.md": "# Rain\nClouds bring rain."}


class Door:
    """The gateway, as the answerer sees it: it answers with `pieces` and keeps what it was asked."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.asked: list[ChatRequest] = []
        self.closed = 0

    async def chat(self, request: ChatRequest, call: Call) -> AsyncIterator[ChatChunk]:
        self.asked.append(request)
        try:
            if request.stream:
                for text in self.pieces:
                    yield _piece(text)
                yield _piece("", "stop")
                yield ChatChunk(b'{"id":"a","model":"m","choices":[]}', usage=Usage(1, 2), usage_only=True)
            else:
                text = "".join(self.pieces)
                body = {"id": "a", "model": "m", "choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
                yield ChatChunk(msgspec.json.encode(body), text, finish_reason="stop")
        finally:
            self.closed += 1

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        rows = HashingEncoder().encode(request.texts)
        return EmbedResponse(msgspec.json.encode({"data": [{"embedding": row.tolist()} for row in rows]}))


def _piece(text: str, finish: str | None = None) -> ChatChunk:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return ChatChunk(msgspec.json.encode({"id": "a", "model": "m", "choices": [choice]}), text, finish_reason=finish)


async def _fingerprint() -> str:
    return "hashing-64"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    notes = write_notes(tmp_path / "notes", NOTES)
    folder = corpus_folder(tmp_path, "default", "docs")
    ingest(folder, [notes], HashingEncoder(), ChunkSettings(), lambda done, total, note="": None)
    return tmp_path


@pytest.fixture
def door() -> Door:
    return Door("The moon [", "1", "] does.")


@pytest.fixture
def rag(home: Path, door: Door) -> Iterator[Rag]:
    settings = Settings(home=home)
    store = open_store(settings)
    config = RagConfig(answer_model="smart", top_k=2, chunk_tokens=100, overlap_tokens=10)
    made = Rag(settings, door.chat, door.embed, lambda: config, Jobs(store.control), _fingerprint)
    yield made
    made.close()
    store.close()


def question(text: str = "What pulls the sea?", **more: Any) -> ChatRequest:
    return ChatRequest.check({"model": "docs", "messages": [{"role": "user", "content": text}], **more})


async def test_a_stream_passes_through_and_ends_with_its_citations(rag: Rag, door: Door) -> None:
    call = new_call()
    chunks = [chunk async for chunk in rag.ask("docs", question(stream=True, temperature=0.5), call)]
    assert [chunk.text for chunk in chunks] == ["The moon [", "1", "] does.", "", ""]
    assert {(chunk.model, chunk.data["model"]) for chunk in chunks} == {("rag:docs", "rag:docs")}
    assert ["citations" in chunk.data for chunk in chunks] == [False, False, False, True, False]
    (citation,) = chunks[3].data["citations"]
    assert citation.pop("chunk_id")
    assert citation == {
        "number": 1, "source": "tides.md", "place": "tides.md, Tides", "page": None, "headings": ["Tides"],
    }  # fmt: skip
    assert chunks[4].usage_only
    assert chunks[4].usage == Usage(1, 2)
    assert call.versions["corpus"].startswith("docs@1-")
    assert call.versions["prompt"] == PROMPT_ID


async def test_the_answering_model_gets_passages_and_the_callers_fields(rag: Rag, door: Door) -> None:
    _ = [chunk async for chunk in rag.ask("docs", question(temperature=0.5, custom={"x": 1}), new_call())]
    (sent,) = door.asked
    assert (sent.model, sent.body["temperature"], sent.body["custom"]) == ("smart", 0.5, {"x": 1})
    passages, asked = parse_passages(sent.last_user_text())
    assert [passage.place for passage in passages] == ["tides.md, Tides", "rain.md, Rain"]
    assert asked == "What pulls the sea?"


async def test_a_json_answer_carries_its_citations(rag: Rag) -> None:
    (chunk,) = [chunk async for chunk in rag.ask("docs", question(), new_call())]
    assert chunk.data["model"] == "rag:docs"
    assert [citation["number"] for citation in chunk.data["citations"]] == [1]


async def test_leaving_early_closes_the_answering_call(rag: Rag, door: Door) -> None:
    stream = rag.ask("docs", question(stream=True), new_call())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert door.closed == 1


async def test_a_question_is_needed(rag: Rag) -> None:
    for messages in ([{"role": "system", "content": "x"}], [{"role": "user", "content": " "}]):
        request = ChatRequest.check({"model": "docs", "messages": messages})
        with pytest.raises(InvalidRequest, match="no question"):
            await anext(rag.ask("docs", request, new_call()))
    with pytest.raises(InvalidRequest, match="query is empty"):
        await rag.search("docs", " ", 3, new_call())


async def test_an_unknown_corpus_names_those_there_are(rag: Rag) -> None:
    with pytest.raises(UnknownModel, match=r"no corpus 'dogs'. There are: docs\."):
        await rag.search("dogs", "x", 3, new_call())
    with pytest.raises(InvalidRequest, match="no name for a corpus"):
        await rag.documents("../docs")


async def test_a_home_without_corpora_says_how_to_make_one(tmp_path: Path, door: Door) -> None:
    settings = Settings(home=tmp_path)
    store = open_store(settings)
    rag = Rag(settings, door.chat, door.embed, RagConfig, Jobs(store.control), _fingerprint)
    assert await rag.corpora() == []
    with pytest.raises(UnknownModel, match="Make it: pilothouse rag ingest PATH --corpus docs"):
        await rag.documents("docs")
    store.close()


async def test_a_corpus_that_answers_by_itself_is_stopped(rag: Rag) -> None:
    call = new_call()
    call.depth = 9
    with pytest.raises(ConfigError, match="leads back to a corpus"):
        await anext(rag.ask("docs", question(), call))


async def test_projects_do_not_see_each_other(rag: Rag) -> None:
    assert [info.name for info in await rag.corpora()] == ["docs"]
    assert await rag.corpora("other") == []
    call = new_call()
    call.project_id = "other"
    with pytest.raises(UnknownModel):
        await rag.search("docs", "x", 3, call)


async def test_a_new_version_is_seen_at_once(rag: Rag, home: Path) -> None:
    await rag.search("docs", "moon", 3, new_call())
    before = await rag.version("docs")
    assert await rag.version("docs") == before
    write_notes(home / "notes", {"new.md": "# New\nThe moon is new."})
    ingest(
        corpus_folder(home, "default", "docs"), [home / "notes"], HashingEncoder(), ChunkSettings(),
        lambda done, total, note="": None,
    )  # fmt: skip
    assert await RagProvider("rag", rag).version("docs", new_call()) != before
    call = new_call()
    assert "new.md" in {hit.source for hit in await rag.search("docs", "moon", 3, call)}
    assert call.versions["corpus"].startswith("docs@2-")
    assert [document.source for document in await rag.documents("docs")] == ["new.md", "rain.md", "tides.md"]


async def test_a_deleted_corpus_is_forgotten(rag: Rag, home: Path) -> None:
    assert len(await rag.documents("docs")) == 2
    shutil.rmtree(corpus_folder(home, "default", "docs"))
    assert await rag.corpora() == []
    with pytest.raises(UnknownModel):
        await rag.documents("docs")


async def test_a_damaged_corpus_does_not_hide_the_others(
    rag: Rag, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = corpus_folder(home, "default", "damaged")
    damaged.mkdir()
    (damaged / "corpus.db").write_bytes(b"this is no database " * 100)
    assert [info.name for info in await rag.corpora()] == ["docs"]
    assert "The corpus 'damaged' is left out" in caplog.text
    with pytest.raises(StorageError, match="Remove the folder"):
        await rag.documents("damaged")


async def test_an_ingest_is_queued_once(rag: Rag, home: Path) -> None:
    job_id = await rag.start_ingest("more", [home / "notes"])
    assert await rag.start_ingest("more", [str(home / "notes")]) == job_id
    job = await rag.ingest_job(job_id)
    assert (job.task, job.status) == ("rag.ingest", "queued")
    assert job.payload == {
        "home": str(home), "models_dir": str(home / "models"), "project": "default", "corpus": "more",
        "paths": [str(home / "notes")], "chunk_tokens": 100, "overlap_tokens": 10,
    }  # fmt: skip


async def test_an_ingest_of_nothing_is_refused(rag: Rag, home: Path) -> None:
    with pytest.raises(InvalidRequest, match="nothing to ingest"):
        await rag.start_ingest("more", [])
    with pytest.raises(InvalidRequest, match="nowhere: there is no such file"):
        await rag.start_ingest("more", [home / "nowhere"])
    with pytest.raises(InvalidRequest, match="no name for a corpus"):
        await rag.start_ingest("a/b", [home / "notes"])
    with pytest.raises(NotFound):
        await rag.ingest_job("none")


async def test_corpora_are_a_provider(rag: Rag) -> None:
    provider = RagProvider("rag", rag)
    assert await provider.models() == ["docs"]
    (chunk,) = [chunk async for chunk in provider.chat(question(), new_call())]
    assert chunk.text == "The moon [1] does."
    with pytest.raises(Unsupported, match="no embeddings"):
        await provider.embed(EmbedRequest({"model": "docs", "input": "x"}), new_call())
    await provider.aclose()
