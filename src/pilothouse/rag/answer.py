"""The answerer: finds passages, has a model answer from them, and says which ones the answer cites.

It calls models only through the `Chat` and `Embed` it is given, so each of its calls is routed, priced and traced like
any other.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from pilothouse.call import DEFAULT_PROJECT, Call
from pilothouse.config import RagConfig
from pilothouse.errors import ConfigError, InvalidRequest, StorageError, UnknownModel
from pilothouse.ids import content_hash
from pilothouse.protocols import Chat, Embed
from pilothouse.rag.citations import citations
from pilothouse.rag.files import existing
from pilothouse.rag.index import CorpusIndex, CorpusInfo, DocumentInfo
from pilothouse.rag.prompt import PROMPT_ID, answer_messages
from pilothouse.rag.retrieve import HybridRetriever
from pilothouse.rag.schema import DATABASE, check_name, corpus_folder
from pilothouse.settings import Settings
from pilothouse.storage.jobs import Job, Jobs
from pilothouse.types import ChatChunk, ChatRequest, Hit

__all__ = ["Rag"]

_logger = logging.getLogger(__name__)

_MAX_DEPTH = 8  # calls within calls; more means that the answering model is a corpus that is answered by itself


class Rag:
    """The corpora of a home. `config` gives the current RagConfig, `fingerprint` that of the encoder behind `embed`."""

    def __init__(
        self,
        settings: Settings,
        chat: Chat,
        embed: Embed,
        config: Callable[[], RagConfig],
        jobs: Jobs,
        fingerprint: Callable[[], Awaitable[str]],
    ) -> None:
        self._settings = settings
        self._chat = chat
        self._embed = embed
        self._config = config
        self._jobs = jobs
        self._fingerprint = fingerprint
        self._indexes: dict[Path, CorpusIndex] = {}

    async def corpora(self, project_id: str = DEFAULT_PROJECT) -> list[CorpusInfo]:
        """All corpora of a project, by name."""
        return await asyncio.to_thread(self._list, project_id)

    async def documents(self, corpus: str, project_id: str = DEFAULT_PROJECT) -> list[DocumentInfo]:
        """What a corpus holds. Raises UnknownModel naming the corpora there are."""
        return await asyncio.to_thread(lambda: self._index(corpus, project_id).documents())

    async def version(self, corpus: str, project_id: str = DEFAULT_PROJECT) -> str:
        """What answers of a corpus are made from now: the number and id of its version, and the prompt. Raises
        UnknownModel naming the corpora there are."""
        info = await asyncio.to_thread(lambda: self._index(corpus, project_id).info())
        return f"{info.version}-{info.version_id} {PROMPT_ID}"

    async def search(self, corpus: str, query: str, k: int | None, call: Call) -> list[Hit]:
        """The best `k` passages (`rag.top_k` when None), best first."""
        if not query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        index = await asyncio.to_thread(self._index, corpus, call.project_id)
        retriever = HybridRetriever(index, self._embed, self._fingerprint)
        return await retriever.retrieve(query, k or self._config().top_k, call)

    async def ask(self, corpus: str, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        """Answer the last user message of `request` from a corpus: an async generator like any provider's.

        The chunk with the finish reason carries `citations`: a list of number, chunk_id, source, place, page and
        headings for each passage that the answer cites.
        """
        if call.depth > _MAX_DEPTH:
            raise ConfigError("rag.answer_model leads back to a corpus: name a model that answers by itself.")
        question = request.last_user_text()
        if not question.strip():
            raise InvalidRequest("There is no question: the request has no user message with text.", param="messages")
        hits = await self.search(corpus, question, None, call)
        asked_with = call.versions.get("prompt", PROMPT_ID)  # the caller's own prompt stays
        call.versions["prompt" if asked_with == PROMPT_ID else "answer_prompt"] = PROMPT_ID
        prompt = request.edited(
            model=self._config().answer_model, messages=answer_messages(request.messages, question, hits)
        )
        text = ""
        async with aclosing(self._chat(prompt, call)) as chunks:
            async for chunk in chunks:
                text += chunk.text
                yield _signed(chunk, f"rag:{corpus}", text, hits)

    async def start_ingest(self, corpus: str, paths: Sequence[Path | str], project_id: str = DEFAULT_PROJECT) -> str:
        """Put an ingest of files and folders of this machine in the queue; returns the id of its job.

        The same ingest asked for again while it waits or runs is the same job.
        """
        check_name(corpus)
        if not paths:
            raise InvalidRequest("There is nothing to ingest: give at least one file or folder.", param="paths")
        whole = await asyncio.to_thread(lambda: [str(existing(Path(path))) for path in paths])
        config = self._config()
        payload = {
            "home": str(self._settings.home.absolute()), "models_dir": str(self._settings.models_dir.absolute()),
            "project": project_id, "corpus": corpus, "paths": whole,
            "chunk_tokens": config.chunk_tokens, "overlap_tokens": config.overlap_tokens,
        }  # fmt: skip
        job = await asyncio.to_thread(
            self._jobs.enqueue, "rag.ingest", payload, project_id=project_id,
            dedupe_key=f"rag.ingest:{content_hash(payload)}",
        )  # fmt: skip
        return job.id

    async def ingest_job(self, job_id: str, project_id: str = DEFAULT_PROJECT) -> Job:
        """The job of an ingest: its progress, and its report as `result` once it is done. Raises NotFound."""
        return await asyncio.to_thread(self._jobs.get, job_id, project_id=project_id)

    def close(self) -> None:
        for index in self._indexes.values():
            index.close()
        self._indexes.clear()

    def _index(self, corpus: str, project_id: str) -> CorpusIndex:
        index = self._opened(corpus_folder(self._settings.home, project_id, check_name(corpus)))
        if index is None:
            there = ", ".join(info.name for info in self._list(project_id))
            raise UnknownModel(
                f"There is no corpus '{corpus}'. "
                + (f"There are: {there}." if there else f"Make it: pilothouse rag ingest PATH --corpus {corpus}"),
                param="corpus",
            )
        return index

    def _list(self, project_id: str) -> list[CorpusInfo]:
        parent = corpus_folder(self._settings.home, project_id, "")
        folders = sorted(parent.iterdir()) if parent.is_dir() else []
        found = []
        for folder in folders:
            try:
                if (index := self._opened(folder)) is not None:
                    found.append(index.info())
            except StorageError as error:  # one damaged corpus does not hide the others
                _logger.warning("The corpus '%s' is left out: %s", folder.name, error)
        return found

    def _opened(self, folder: Path) -> CorpusIndex | None:
        """The corpus in `folder`, kept open; None where no ingest was ever completed."""
        if not (folder / DATABASE).exists():
            if deleted := self._indexes.pop(folder, None):
                deleted.close()
            return None
        index = self._indexes.setdefault(folder, CorpusIndex(folder))
        return index if index.exists() else None


def _signed(chunk: ChatChunk, model: str, text: str, hits: Sequence[Hit]) -> ChatChunk:
    """The chunk under the corpus' name, with the citations of the whole text where the answer ends."""
    data = chunk.data
    data["model"] = model
    if chunk.finish_reason is not None:
        data["citations"] = [asdict(citation) for citation in citations(text, hits)]
    return replace(chunk, raw=msgspec.json.encode(data), model=model)
