"""`/api/rag`: corpora, their documents, search, cited answers, and the start of an ingest.

An ingest is a job: follow it at `/api/jobs/{id}`. Answers come as a stream, or to any OpenAI client, at
`/v1/chat/completions` under the model `rag:<corpus>`.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.api.caller import Caller, InProject
from pilothouse.call import Call, Recorder
from pilothouse.gateway import Gateway
from pilothouse.rag import CorpusInfo, DocumentInfo, Rag
from pilothouse.types import ChatRequest, Json

__all__ = ["routes"]

_Path = Annotated[str, Field(min_length=1)]


class _Search(Strict):
    query: Annotated[str, Field(min_length=1)]
    k: Annotated[int | None, Field(ge=1, le=100)] = None


class _Question(Strict):
    question: Annotated[str, Field(min_length=1)]


class _Ingest(Strict):
    paths: Annotated[list[_Path], Field(min_length=1, description="Files and folders of the machine that serves.")]


def routes(rag: Rag, gateway: Gateway, recorder: Recorder) -> APIRouter:
    """The routes over these corpora. Questions go through `gateway` like those of any client."""
    router = APIRouter(prefix="/api/rag/corpora", tags=["rag"])

    @router.get("")
    async def list_corpora(project: InProject) -> Sequence[CorpusInfo]:
        """All corpora, each at its current version."""
        return await rag.corpora(project)

    @router.get("/{corpus}/documents")
    async def list_documents(corpus: str, project: InProject) -> Sequence[DocumentInfo]:
        """What a corpus holds."""
        return await rag.documents(corpus, project)

    @router.post("/{corpus}/search")
    async def search(corpus: str, body: _Search, caller: Caller, project: InProject) -> Json:
        """The best `k` passages, best first, each with the rank that either search gave it."""
        call = Call(recorder, caller, project, key_id=caller.key_id, endpoint="/api/rag/corpora/search")
        async with gateway.counted(call):
            hits = await rag.search(corpus, body.query, body.k, call)
        return {"hits": [asdict(hit) for hit in hits], "trace_id": call.trace_id}

    @router.post("/{corpus}/ask")
    async def ask(corpus: str, body: _Question, caller: Caller, project: InProject) -> Json:
        """An answer with the passages that it cites."""
        call = Call(recorder, caller, project, key_id=caller.key_id, endpoint="/api/rag/corpora/ask")
        messages = [{"role": "user", "content": body.question}]
        request = ChatRequest.check({"model": f"rag:{corpus}", "messages": messages})
        answer = ""
        citations: list[Json] = []
        async with aclosing(gateway.chat(request, call)) as chunks:
            async for chunk in chunks:
                answer += chunk.text
                citations = chunk.data.get("citations") or citations
        return {"answer": answer, "citations": citations, "trace_id": call.trace_id}

    @router.post("/{corpus}/ingest", status_code=202)
    async def start_ingest(corpus: str, body: _Ingest, project: InProject) -> Json:
        """Queue an ingest of files and folders of this machine; gives its job."""
        job_id = await rag.start_ingest(corpus, body.paths, project)
        return (await rag.ingest_job(job_id, project)).to_json()

    return router
