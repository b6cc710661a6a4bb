"""Prompts in a program: what it gets while the registry answers, while it does not, and afterwards."""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pilothouse import PromptRegistry, PromptTemplate
from pilothouse.client import Client
from pilothouse.errors import Conflict, InvalidRequest, NotFound, PilothouseError, ProviderUnavailable
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

Json = dict[str, Any]


def version(number: int = 1, template: Any = "Hello {{ name }}", **content: Any) -> Json:
    return {
        "project_id": "default", "name": "greet", "version": number, "hash": f"{number:016x}", "message": "",
        "author": "a", "created_us": 1, "parent": None, "labels": ["production"], "includes": {},
        "content": {"type": "text", "template": template, "syntax": "jinja", "of_a_newer_server": 1, **content},
    }  # fmt: skip


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that gave up are none."""


class Registry:
    """A server of the wire format, which behaves as `mode` says: answer, hang, break, or a status with a body."""

    def __init__(self) -> None:
        self.mode: str | tuple[int, bytes] = "answer"
        self.body = version()
        self.asked = 0
        self.go = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked += 1
                if registry.mode == "hang":
                    registry.go.wait()
                status, raw = (
                    registry.mode if isinstance(registry.mode, tuple) else (200, json.dumps(registry.body).encode())
                )
                self.send_response(status)
                self.send_header("content-length", str(len(raw) + (registry.mode == "break")))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                pass

        self.handler = Handler
        self.server = self.start(0)
        self.port: int = self.server.server_address[1]

    def start(self, port: int) -> Server:
        server = Server(("127.0.0.1", port), self.handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def die(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(PromptRegistry, "_clock", staticmethod(lambda: made.now))
    return made


@pytest.fixture
def server() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.go.set()
    made.die()


@pytest.fixture
def registry(server: Registry, clock: Clock, tmp_path: Path) -> Iterator[PromptRegistry]:
    with Client(server.url, "ph-key") as client:
        yield PromptRegistry(client, timeout=0.5, copies=tmp_path)


def settled(registry: PromptRegistry) -> None:
    """Wait for what is renewed behind."""
    for flight in [*registry._fresh._flights.values()]:
        flight.exception()


def test_the_first_waits_and_the_others_are_served_from_memory(registry: PromptRegistry, server: Registry) -> None:
    prompt = registry.get_prompt("greet")
    assert (prompt.version, prompt.labels, prompt.is_fallback, prompt.reference) == (
        1,
        ("production",),
        False,
        "greet@1",
    )
    assert (prompt.format(name="Ann"), prompt.variables) == ("Hello Ann", ("name",))
    assert all(registry.get_prompt("greet") is prompt for _ in range(5))
    assert server.asked == 1


def test_after_its_time_it_is_served_stale_and_renewed_behind(
    registry: PromptRegistry, server: Registry, clock: Clock
) -> None:
    registry.get_prompt("greet")
    server.body, server.mode = version(2), "hang"
    clock.now += 70
    assert [registry.get_prompt("greet").version for _ in range(5)] == [1] * 5
    server.go.set()
    settled(registry)
    assert (registry.get_prompt("greet").version, server.asked) == (2, 2)


OUTAGES: dict[str, str | tuple[int, bytes]] = {
    "a fault": (500, b'{"error": {"message": "x", "code": "internal_error"}}'),
    "no time": (429, b'{"error": {"message": "x", "code": "rate_limit_exceeded"}}'),
    "a revoked key": (401, b'{"error": {"message": "x", "code": "invalid_api_key"}}'),
    "another's page": (404, b"<html>Not here</html>"),
    "half of it": "break",
    "no JSON": (200, b"<html>Welcome</html>"),
    "another JSON": (200, b'{"name": "greet"}'),
    "a list": (200, b"[]"),
    "no answer": "hang",
    "nobody": "dead",
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_no_outage_stops_a_program(
    registry: PromptRegistry, server: Registry, clock: Clock, tmp_path: Path, outage: str
) -> None:
    registry.get_prompt("greet")
    server.mode = OUTAGES[outage]
    if server.mode == "dead":
        server.die()
    clock.now += 70
    assert registry.get_prompt("greet").version == 1
    settled(registry)
    asked = server.asked
    assert [registry.get_prompt("greet").version for _ in range(3)] == [1] * 3
    assert server.asked == asked
    with Client(server.url, "ph-key") as client:
        started = PromptRegistry(client, timeout=0.5, copies=str(tmp_path))
        assert started.get_prompt("greet", fallback="Hi").version == 1
        other = started.get_prompt("other", fallback="Hi {{ name }}")
        assert (other.is_fallback, other.version, other.format(name="Ann", more=1)) == (True, None, "Hi Ann")
        with pytest.raises(PilothouseError) as caught:
            started.get_prompt("unknown")
        assert not isinstance(caught.value, NotFound)
    if server.mode == "dead":
        server.server = server.start(server.port)
    server.body, server.mode = version(7), "answer"
    server.go.set()
    clock.now += 200
    assert registry.get_prompt("greet").version == 1
    settled(registry)
    assert registry.get_prompt("greet").version == 7


def test_prompts_do_not_wait_one_after_the_other_for_a_registry_that_hangs(
    registry: PromptRegistry, server: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = "hang"
    caplog.set_level(logging.WARNING, "pilothouse")
    assert registry.get_prompt("one", fallback="1").is_fallback
    assert server.asked == 1
    assert all(registry.get_prompt(f"p{number}", fallback="x").is_fallback for number in range(20))
    assert (len(caplog.records), server.asked <= 9) == (1, True)
    server.go.set()


def test_that_a_prompt_is_gone_is_an_answer(
    registry: PromptRegistry, server: Registry, clock: Clock, tmp_path: Path
) -> None:
    registry.get_prompt("greet")
    server.mode = (404, b'{"error": {"message": "archived", "code": "not_found", "param": "name"}}')
    clock.now += 70
    assert registry.get_prompt("greet").version == 1
    settled(registry)
    with pytest.raises(NotFound, match="archived"):
        registry.get_prompt("greet")
    assert registry.get_prompt("greet", fallback=[{"role": "user", "content": "Hi"}]).format() == [
        {"role": "user", "content": "Hi"}
    ]
    assert not [*tmp_path.iterdir()]


def test_bad_names_are_told_though_there_is_a_fallback(registry: PromptRegistry, server: Registry) -> None:
    odd: list[tuple[str, Any]] = [("", "production"), ("a\0b", "production"), ("a", "Not One"), ("a", "")]
    odd += [("a", 0), ("a", True), ("a", 1.5), ("a", None), ("a", 2**31)]
    for name, label in odd:
        with pytest.raises(InvalidRequest):
            registry.get_prompt(name, label, fallback="x")
    for fallback in (3, "{{ x", [{"role": "nobody", "content": "x"}], [], {}):
        with pytest.raises(InvalidRequest):
            registry.get_prompt("a", fallback=fallback)  # type: ignore[arg-type]
    assert server.asked == 0
    template = PromptTemplate("Hi {{name}}", syntax="mustache")
    server.mode = (500, b"")
    assert registry.get_prompt("greet", 3, fallback=template).format(name="Ann") == "Hi Ann"


def test_what_it_includes_comes_along(registry: PromptRegistry, server: Registry) -> None:
    server.body = version(template="{% include 'tone#production' %} {{ name }}", model="m", params={"top_p": 1})
    server.body["includes"] = {"tone#production": {**version(4, "Be brief, {{ who }}."), "name": "tone"}}
    prompt = registry.get_prompt("greet")
    assert prompt.format(name="Ann", who="you") == "Be brief, you. Ann"
    assert prompt.request(name="Ann", who="you") == {
        "model": "m", "messages": [{"role": "user", "content": "Be brief, you. Ann"}], "top_p": 1,
    }  # fmt: skip


async def test_async_code_shares_the_same_memory(registry: PromptRegistry, server: Registry) -> None:
    server.mode = "hang"
    waiting = [asyncio.create_task(registry.get_prompt_async("greet", fallback="x")) for _ in range(8)]
    gone = asyncio.create_task(registry.get_prompt_async("greet"))
    await asyncio.sleep(0)
    gone.cancel()
    server.go.set()
    assert {prompt.version for prompt in await asyncio.gather(*waiting)} == {1}
    assert (server.asked, registry.get_prompt("greet").version) == (1, 1)


def test_a_forked_process_renews_for_itself(registry: PromptRegistry, server: Registry, clock: Clock) -> None:
    registry.get_prompt("greet")
    server.mode = "hang"
    clock.now += 70
    registry.get_prompt("greet")  # on its way while the process forks
    server.mode, server.body = "answer", version(2)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            registry.get_prompt("greet")
            settled(registry)
            code = 0 if registry.get_prompt("greet").version == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_after_close_what_is_there_is_served(server: Registry, clock: Clock, tmp_path: Path) -> None:
    env = {"PILOTHOUSE_URL": server.url, "PILOTHOUSE_API_KEY": "ph-key", "PILOTHOUSE_HOME": str(tmp_path / "home")}
    with PromptRegistry(env=env) as registry:
        registry.get_prompt("greet")
    clock.now += 70
    assert registry.get_prompt("greet").version == 1
    assert [path.suffix for path in (tmp_path / "home" / "prompts").iterdir()] == [".json"]
    with pytest.raises(ProviderUnavailable):
        registry.get_prompt("other")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Embedded]:
    embedded = Embedded(Settings(home=tmp_path_factory.mktemp("home"), models=models_dir))
    yield embedded
    embedded.close()


def test_versions_are_made_promoted_and_rolled_back(platform: Embedded, tmp_path: Path) -> None:
    prompts = PromptRegistry(platform, copies=tmp_path)
    prompts.create("tone", "Be brief.", labels=["production"])
    echo, label = {"model": "builtin/echo"}, ["production"]
    first = prompts.create("support/answer", "{% include 'tone' %} {{ q }}", labels=label, message="first", **echo)
    assert (first.version, first.message, first.format(q="?")) == (1, "first", "Be brief. ?")
    second = prompts.create("support/answer", "Reply: {{ q }}", parent=1, params={"temperature": 0}, **echo)
    assert (second.version, prompts.get_prompt("support/answer").version) == (2, 1)
    with pytest.raises(Conflict):
        prompts.create("support/answer", "Other", parent=1)
    assert prompts.promote("support/answer", 2, reason="better")["version"] == 2
    assert prompts.get_prompt("support/answer").params == {"temperature": 0}
    assert prompts.rollback("support/answer")["version"] == 1
    assert prompts.get_prompt("support/answer").version == 1
    suite = {"evaluators": ["contains_expected"]}
    cases = [{"input": {"q": word}, "expected": word} for word in ("one", "two")]
    verdict = prompts.evaluate("support/answer", 2, cases, rule=suite)
    assert verdict.data["version"] == 2
    assert isinstance(verdict.passed, bool)
    with pytest.raises(NotFound, match="no label 'staging'"):
        prompts.get_prompt("support/answer", "staging")
