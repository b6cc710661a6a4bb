"""Python faces of the rooms. They speak to a server (PILOTHOUSE_URL), or to one that they start in this process.

from pilothouse import RAG

with RAG("handbook") as rag:
    rag.ingest("docs/")
    answer = rag.ask("How do I rotate a key?")
    print(answer.text, answer.citations)
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pilothouse.app import build
from pilothouse.background import Loop
from pilothouse.client import Client, Outcome, Prompt
from pilothouse.errors import PilothouseError
from pilothouse.settings import Settings
from pilothouse.types import ChatResponse, Citation, Hit, Json

__all__ = ["RAG", "Answer", "Choice", "Embedded", "ModelRouter", "parallel", "platform_of"]

_POLL_SECONDS = 0.1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a query would go: the alias `model`, and the first `deployment` of it that would be asked.

    `probability` that the query is hard, and the `threshold` above which it counts as that; None where the alias does
    not go by complexity.
    """

    model: str
    deployment: str
    probability: float | None
    threshold: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and the passages it cites. `trace_id` finds the call: `pilothouse traces show <trace_id>`."""

    text: str
    citations: list[Citation]
    trace_id: str


class Embedded:
    """A whole platform in this process, behind its own door: `client` speaks to it, others at `address` with `key`."""

    def __init__(self, settings: Settings) -> None:
        self._loop = Loop()
        self._stack = AsyncExitStack()
        platform = self._stack.enter_context(build(settings))
        server = platform.server("127.0.0.1", 0)
        self.key = platform.keys.in_process()
        self.address = self._loop.run(self._stack.enter_async_context(server.running()))
        self.client = Client(self.address, self.key)

    def close(self) -> None:
        """Stop serving; what was recorded is in the database afterwards."""
        self.client.close()
        self._loop.run(self._stack.aclose())
        self._loop.close()


class _Face:
    """What the faces share: the client of a given platform, or of the one that the environment names."""

    def __init__(self, platform: "Client | Embedded | None", env: Mapping[str, str] | None) -> None:
        self._owned: Client | Embedded | None = None
        if platform is None:
            platform = self._owned = platform_of(env)
        self.client = platform.client if isinstance(platform, Embedded) else platform

    def close(self) -> None:
        """Close the connection, or stop the embedded platform, where this object made it."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RAG(_Face):
    """One corpus: ingest, search, ask.

    `platform` is a Client or an Embedded. When None, PILOTHOUSE_URL (with PILOTHOUSE_API_KEY) names a server, and
    without it the platform of PILOTHOUSE_HOME runs in this process until `close`.
    """

    def __init__(
        self, corpus: str = "docs", *, platform: "Client | Embedded | None" = None, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(platform, env)
        self._corpus = corpus

    def ingest(self, *paths: str | Path) -> Json:
        """Bring the corpus up to date with files and folders that the server can see; returns the report.

        Files that cannot be read are listed in the report and the others are in. Raises InvalidRequest for a path that
        is not there, PilothouseError when the ingest as a whole failed.
        """
        body = {"paths": [str(Path(path).absolute()) for path in paths]}
        job = self.client.request("POST", f"/api/rag/corpora/{self._corpus}/ingest", body)
        while job["status"] in ("queued", "running"):
            time.sleep(_POLL_SECONDS)
            job = self.client.request("GET", f"/api/jobs/{job['id']}")
        if job["status"] != "done":
            raise PilothouseError(
                f"The ingest of '{self._corpus}' {job['status']}: {job['error'] or 'no reason given'}"
            )
        return job["result"]  # type: ignore[no-any-return]

    def search(self, query: str, k: int = 6) -> list[Hit]:
        """The best `k` passages, best first."""
        answer = self.client.request("POST", f"/api/rag/corpora/{self._corpus}/search", {"query": query, "k": k})
        return [Hit(**{**hit, "headings": tuple(hit["headings"])}) for hit in answer["hits"]]

    def ask(self, question: str, **params: Any) -> Answer:
        """A cited answer from the corpus, through the gateway: traced, priced, recorded.

        `params` are further fields of the chat request, such as `temperature`.
        """
        answer = self.client.chat(f"rag:{self._corpus}", question, **params)
        citations = [Citation(**{**c, "headings": tuple(c["headings"])}) for c in answer.data.get("citations") or ()]
        return Answer(answer.text, citations, answer.trace_id)


class ModelRouter(_Face):
    """Sends each query to the model that it needs: `model` is an alias, usually of the strategy `complexity`.

    `platform` as for RAG. `context` is a text that the model is told first, or the messages before the query.
    """

    def __init__(
        self,
        model: str = "auto",
        *,
        platform: "Client | Embedded | None" = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(platform, env)
        self._model = model

    def route(self, query: str, context: str | list[Json] | None = None, **params: Any) -> ChatResponse:
        """The answer of the model that was chosen, through the gateway. `params` are further fields of the request."""
        return self.client.chat(self._model, _conversation(query, context), **params)

    def choose(self, query: str, context: str | list[Json] | None = None) -> Choice:
        """Which model would answer, without calling one."""
        body = {"model": self._model, "messages": _conversation(query, context)}
        return Choice(**self.client.request("POST", "/api/route", body))


def parallel(
    prompts: Sequence[Prompt],
    *,
    model: str | None = None,
    limit: int = 8,
    join: Callable[[list[Outcome]], T] | None = None,
    platform: "Client | Embedded | None" = None,
    **params: Any,
) -> list[Outcome] | T:
    """Ask independent prompts at once: `Client.parallel` of `platform`, or of the one that the environment names."""
    with _Face(platform, None) as face:
        made: list[Outcome] | T = face.client.parallel(prompts, model=model, limit=limit, join=join, **params)
        return made


def platform_of(env: Mapping[str, str] | None = None) -> Client | Embedded:
    """The client of the server that PILOTHOUSE_URL names, else the platform of PILOTHOUSE_HOME in this process. Whoever
    asks for it closes it."""
    env = os.environ if env is None else env
    url = env.get("PILOTHOUSE_URL")
    return Client(url, env.get("PILOTHOUSE_API_KEY")) if url else Embedded(Settings.from_env(env))


def _conversation(query: str, context: str | list[Json] | None) -> list[Json]:
    """The messages of a query: a text as `context` is told to the model first, messages come before the query."""
    before = [{"role": "system", "content": context}] if isinstance(context, str) else context or []
    return [*before, {"role": "user", "content": query}]
