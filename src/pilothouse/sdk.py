"""Python faces of the rooms. They speak to a server (PILOTHOUSE_URL), or to one that they start in this process.

from pilothouse import RAG

with RAG("handbook") as rag:
    rag.ingest("docs/")
    answer = rag.ask("How do I rotate a key?")
    print(answer.text, answer.citations)
"""

import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pilothouse.app import build
from pilothouse.client import Client, Loop
from pilothouse.errors import PilothouseError
from pilothouse.settings import Settings
from pilothouse.types import Citation, Hit, Json

__all__ = ["RAG", "Answer", "Embedded"]

_POLL_SECONDS = 0.1


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


class RAG:
    """One corpus: ingest, search, ask.

    `platform` is a Client or an Embedded. When None, PILOTHOUSE_URL (with PILOTHOUSE_API_KEY) names a server, and
    without it the platform of PILOTHOUSE_HOME runs in this process until `close`.
    """

    def __init__(
        self, corpus: str = "docs", *, platform: "Client | Embedded | None" = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._corpus = corpus
        self._owned: Client | Embedded | None = None
        if platform is None:
            platform = self._owned = _resolve(os.environ if env is None else env)
        self._client = platform.client if isinstance(platform, Embedded) else platform

    def ingest(self, *paths: str | Path) -> Json:
        """Bring the corpus up to date with files and folders that the server can see; returns the report.

        Files that cannot be read are listed in the report and the others are in. Raises InvalidRequest for a path that
        is not there, PilothouseError when the ingest as a whole failed.
        """
        body = {"paths": [str(Path(path).absolute()) for path in paths]}
        job = self._client.request("POST", f"/api/rag/corpora/{self._corpus}/ingest", body)
        while job["status"] in ("queued", "running"):
            time.sleep(_POLL_SECONDS)
            job = self._client.request("GET", f"/api/jobs/{job['id']}")
        if job["status"] != "done":
            raise PilothouseError(
                f"The ingest of '{self._corpus}' {job['status']}: {job['error'] or 'no reason given'}"
            )
        return job["result"]  # type: ignore[no-any-return]

    def search(self, query: str, k: int = 6) -> list[Hit]:
        """The best `k` passages, best first."""
        answer = self._client.request("POST", f"/api/rag/corpora/{self._corpus}/search", {"query": query, "k": k})
        return [Hit(**{**hit, "headings": tuple(hit["headings"])}) for hit in answer["hits"]]

    def ask(self, question: str, **params: Any) -> Answer:
        """A cited answer from the corpus, through the gateway: traced, priced, recorded.

        `params` are further fields of the chat request, such as `temperature`.
        """
        answer = self._client.chat(f"rag:{self._corpus}", question, **params)
        citations = [Citation(**{**c, "headings": tuple(c["headings"])}) for c in answer.data.get("citations") or ()]
        return Answer(answer.text, citations, answer.trace_id)

    def close(self) -> None:
        """Close the connection, or stop the embedded platform, where this object made it."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _resolve(env: Mapping[str, str]) -> Client | Embedded:
    url = env.get("PILOTHOUSE_URL")
    return Client(url, env.get("PILOTHOUSE_API_KEY")) if url else Embedded(Settings.from_env(env))
