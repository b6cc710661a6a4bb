"""A console over a real store, and the traces it shows in tests."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from pilothouse.app import Platform, build
from pilothouse.call import Span
from pilothouse.console import ConsoleRooms, mount_console
from pilothouse.lifecycle.optimizing.queueing import Searching
from pilothouse.lifecycle.prompting.queueing import Judging
from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.observe.sums.figures import Figures
from pilothouse.principal import EMBEDDED, Principal, Role
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store
from pilothouse.types import Usage

KEY = "ph-the-key"
START = 1_760_000_000_000_000
HOSTILE = "<script>document.title = 'owned'</script>\u202egnirts\0 \"'><img src=x onerror=alert(1)>"


class Keyring:
    """One key, one session."""

    def __init__(self) -> None:
        self.session = "the-session"
        self.principal = EMBEDDED

    def session_for(self, key: str) -> str | None:
        return self.session if key == KEY else None

    def check(self, cookie: str) -> Principal | None:
        return self.principal if cookie == self.session else None


@contextmanager
def console(home: Path, spans: Iterable[Span], keyring: Keyring | None = None) -> Iterator[FastAPI]:
    """An application with the console, over a store that holds `spans`."""
    settings = Settings(home=home)
    store = open_store(settings)
    spool = Spool.open(home, 1 << 28)
    recorder = SpoolRecorder(spool)
    for span in spans:
        recorder.record(span)
    Drainer(spool, store, home).stop()
    app = FastAPI(openapi_url=None)
    mount_console(app, Traces(store), keyring or Keyring())
    try:
        yield app
    finally:
        spool.close()
        store.close()


def answer(trace_id: str, at: int = 0, question: str = "What was the revenue?", **changes: object) -> list[Span]:
    """A trace of three spans: a chain `root`, a retriever `find` and a model call `call`, 2 s in all."""
    begin = START + at
    asked = {"model": "rag:docs", "messages": [{"role": "user", "content": question}], "temperature": 0.2}
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "It was 5.2 billion [1]."}}]}
    cited = {"citations": [{"number": 1, "place": "report.pdf, page 3"}]}
    root = Span(
        id="root", trace_id=trace_id, project_id="default", name="chat rag:docs", kind="chain", start_us=begin,
        end_us=begin + 2_000_000, request_model="rag:docs", deployment="rag/docs", ttft_us=500_000, input=asked,
        output=said | cited, user_id="ada", session_id="s-17", versions={"corpus": "docs@3"}, manifest_id="m1",
    )  # fmt: skip
    find = Span(
        id="find", trace_id=trace_id, parent_id="root", project_id="default", name="retrieve", kind="retriever",
        start_us=begin + 10_000, end_us=begin + 30_000, input={"query": question},
    )  # fmt: skip
    call = Span(
        id="call", trace_id=trace_id, parent_id="root", project_id="default", name="chat openai/gpt-4o", kind="llm",
        start_us=begin + 40_000, end_us=begin + 1_990_000, request_model="openai/gpt-4o", response_model="gpt-4o",
        deployment="openai/gpt-4o", provider="openai", operation="chat", usage=Usage(1200, 80, cached_tokens=1000),
        ttft_us=400_000, cost_nano=3_800_000, input=asked, output=said,
        attributes={"gen_ai.request.temperature": 0.2},
    )  # fmt: skip
    for name, value in changes.items():
        setattr(root, name, value)
    return [find, call, root]


@dataclass
class Gateway:
    """A whole platform under one configuration, and a client that is signed in to its console."""

    platform: Platform
    client: TestClient
    keyring: Keyring

    def page(self, path: str, status: int = 200) -> str:
        """The HTML of a page."""
        answer = self.client.get(f"/console{path}")
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, path: str, at: str | None = None, **fields: object) -> Response:
        """Send a form with the token that the page `at`, by default the same, shows."""
        token = re.search(r'name="token" value="(\w+)"', self.page(path if at is None else at))
        assert token is not None
        return self.client.post(f"/console{path}", data={"token": token[1], **fields})

    def act_as(self, role: Role) -> None:
        """Go on as someone of the default project with this role."""
        self.keyring.principal = Principal("default", "member:ada", role, name="Ada")


@contextmanager
def gateway(home: Path, config: str, *, project: str = "default", database_url: str | None = None) -> Iterator[Gateway]:
    """A platform in this folder and the console of a project, without a server."""
    path = home / "pilothouse.yaml"
    path.write_text(config)
    keyring, app = Keyring(), FastAPI(openapi_url=None)
    with build(Settings(home=home / "home", config=path, database_url=database_url)) as p:
        rooms = ConsoleRooms(
            p.keys, p.tenants, p.members, p.audit, p.budgets, p.ledger, p.health, p.prices, p.caches, p.live,
            lambda: p.gateway.runtime.router, p.store, p.trouble, p.process, p.several,
            p.alerts, Figures(p.store), p.prompts, p.gateway.chat, p.recorder, p.settings.request_timeout,
            Judging(p.prompts.gate, p.jobs, p.settings), Searching(p.store, p.prompts.prompts, p.jobs, p.settings),
            p.gateway,
        )  # fmt: skip
        mount_console(app, p.traces, keyring, project, rooms=rooms)
        with TestClient(app, follow_redirects=False) as client:
            client.post("/console/login", data={"key": KEY})
            yield Gateway(p, client, keyring)
