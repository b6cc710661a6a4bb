"""The official `openai` client's Responses API in a program that blocks, against a gateway on another thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from pilothouse.app import build
from pilothouse.settings import Settings
from pilothouse.testing import Answer
from pilothouse.testing.openai_server import OpenAIServer


class Legs(BaseModel):
    legs: int


def test_the_sync_client(tmp_path: Path) -> None:
    """The same calls from a program that blocks, with servers on threads of their own."""
    with OpenAIServer() as vendor:
        config = tmp_path / "pilothouse.yaml"
        config.write_text(
            f"providers:\n  wire: {{kind: openai, base_url: '{vendor.url}/v1', api_key: sk-test}}\n"
            "models:\n  chat: {deployments: [{provider: wire, model: wire-model}]}\n"
        )
        with (
            serving(Settings(home=tmp_path / "home", config=config)) as (address, key),
            OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client,
        ):
            vendor.say(Answer(text="one two"), Answer(text="three"), Answer(text='{"legs": 4}'), Answer(text="done"))
            first = client.responses.create(model="chat", input="Hello")
            with client.responses.stream(model="chat", input="More", previous_response_id=first.id) as stream:
                assert "".join(e.delta for e in stream if e.type == "response.output_text.delta") == "three"
                second = stream.get_final_response()
            assert client.responses.retrieve(second.id).output_text == "three"
            assert len(client.responses.input_items.list(second.id).data) == 3
            assert client.responses.parse(model="chat", input="A fox", text_format=Legs).output_parsed == Legs(legs=4)
            client.responses.delete(second.id)
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(second.id)
            begun = client.responses.create(model="chat", input="Work", background=True)
            assert client.responses.cancel(begun.id).status in ("cancelled", "completed")


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[str, str]]:
    """A platform that serves on a thread of its own: (address, key)."""
    with build(settings) as platform:
        server, loop = platform.server("127.0.0.1", 0), asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        running = server.running()
        address = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(30)
        try:
            yield address, platform.keys.in_process()
        finally:
            asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
