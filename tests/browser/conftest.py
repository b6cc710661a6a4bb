"""A real browser in front of a real server on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from ..console.site import HOSTILE, answer, console
from .driver import Browser, find_chromium, open_browser


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here: install it (apt-get install chromium) to run the browser tests")
    async with open_browser(program, tmp_path / "profile") as browser:
        yield browser


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    spans = [span for i in range(60) for span in answer(f"t{i:02}", at=i * 1_000_000)]
    named = "name user_id session_id request_model response_model deployment environment release feature prompt"
    told = [*named.split(), "error_code", "error_message"]
    everywhere: dict[str, object] = dict.fromkeys(told, HOSTILE)
    everywhere |= {"tags": [HOSTILE, "javascript:alert(1)"], "attributes": {HOSTILE: HOSTILE}, "status": "error"}
    spans += answer("bad", at=100_000_000, question=HOSTILE * 2000, **everywhere)
    spans += answer("failed", at=101_000_000, status="error", error_code="a_provider_said_this_code_of_40_letters_")
    with console(tmp_path / "home", spans) as app:
        yield app


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with _serving(app) as address:
        yield address


@asynccontextmanager
async def _serving(app: FastAPI) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()
