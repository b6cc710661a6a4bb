"""The official `langfuse` SDK, unmodified, over our registry of prompts; for each of its versions."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from .conftest import Door

langfuse = pytest.importorskip("langfuse")
MAJOR = int(version("langfuse").partition(".")[0])
FOLDER = f"langfuse {MAJOR}"
NAME = f"{FOLDER}/movie-critic"
_PATIENCE = 30.0  # seconds until a span is written


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[Any]:
    made = langfuse.Langfuse(public_key="pk-lf-prompts", secret_key=door.key, host=door.url)
    yield made
    made.shutdown()


def ours(door: Door, path: str, method: str = "GET", body: Any = None) -> Any:
    request = urllib.request.Request(f"{door.url}{path}", method=method)
    request.add_header("authorization", f"Bearer {door.key}")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, None if body is None else json.dumps(body).encode()) as answer:
        return json.load(answer)


def test_a_text_prompt(client: Any) -> None:
    config = {"model": "gpt-5-mini", "temperature": 0.5, "languages": ["en", "fr"]}
    made = client.create_prompt(
        name=NAME, prompt="As a {{level}} critic, do you like {{movie}}?", labels=["production"], tags=["movies"],
        config=config, commit_message="the first",
    )  # fmt: skip
    assert (made.version, made.config, made.commit_message) == (1, config, "the first")
    found = client.get_prompt(NAME, cache_ttl_seconds=0)
    assert (found.name, found.version, found.labels, found.tags) == (NAME, 1, ["production", "latest"], ["movies"])
    assert found.compile(level="harsh", movie="Dune") == "As a harsh critic, do you like Dune?"
    assert (found.variables, found.is_fallback) == (["level", "movie"], False)
    client.create_prompt(name=NAME, prompt="Do you like {{movie}}?", labels=["staging"])
    assert client.get_prompt(NAME, label="staging", cache_ttl_seconds=0).version == 2
    assert client.get_prompt(NAME, label="latest", cache_ttl_seconds=0).prompt == "Do you like {{movie}}?"
    assert client.get_prompt(NAME, version=1, cache_ttl_seconds=0).labels == ["production"]


def test_labels_move(client: Any) -> None:
    updated = client.update_prompt(name=NAME, version=2, new_labels=["production", f"tenant-{MAJOR}"])
    assert {"production", "staging", f"tenant-{MAJOR}"} <= set(updated.labels)
    assert client.get_prompt(NAME, cache_ttl_seconds=0).version == 2
    assert client.get_prompt(NAME, version=1, cache_ttl_seconds=0).labels == []
    with pytest.raises(Exception, match="latest"):
        client.update_prompt(name=NAME, version=1, new_labels=["latest"])


def test_a_chat_prompt_with_a_placeholder(client: Any) -> None:
    name = f"{FOLDER}/chat"
    given = [
        {"role": "system", "content": "You are a {{level}} critic."},
        {"type": "placeholder", "name": "history"},
        {"role": "user", "content": "And {{movie}}?"},
    ]
    client.create_prompt(name=name, type="chat", prompt=given, labels=["production"])
    found = client.get_prompt(name, type="chat", cache_ttl_seconds=0)
    said = [{"role": "user", "content": "Dune?"}, {"role": "assistant", "content": "Yes."}]
    assert [dict(one) for one in found.compile(level="harsh", movie="Solaris", history=said)] == [
        {"role": "system", "content": "You are a harsh critic."}, *said, {"role": "user", "content": "And Solaris?"},
    ]  # fmt: skip


def test_the_gateway_asks_a_model_with_what_the_sdk_made(door: Door, client: Any) -> None:
    name = f"{FOLDER}/served"
    client.create_prompt(name=name, prompt="Say {{word}}.", labels=["production"], config={"model": "openai"})
    body = {"prompt": {"name": name, "variables": {"word": "yes"}}}
    answer = ours(door, "/v1/chat/completions", "POST", body)
    assert answer["choices"][0]["message"]["content"]


def test_what_is_not_there(client: Any) -> None:
    with pytest.raises(Exception, match=r"404|no prompt"):
        client.get_prompt(f"{FOLDER}/none", cache_ttl_seconds=0)
    found = client.get_prompt(f"{FOLDER}/none", fallback="Hello {{name}}", cache_ttl_seconds=0)
    assert (found.is_fallback, found.compile(name="Ann")) == (True, "Hello Ann")


def test_composition(client: Any) -> None:
    tone = f"{FOLDER}/tone"
    client.create_prompt(name=tone, prompt="Be brief.", labels=["production"])
    tag = f"@@@langfusePrompt:name={tone}|label=production@@@"
    client.create_prompt(name=f"{FOLDER}/composed", prompt=f"{tag}\nAnswer {{{{q}}}}.", labels=["production"])
    assert client.get_prompt(f"{FOLDER}/composed", cache_ttl_seconds=0).prompt == "Be brief.\nAnswer {{q}}."
    if MAJOR > 3:
        raw = client.api.prompts.get(f"{FOLDER}/composed", resolve=False)
        assert raw.prompt == f"{tag}\nAnswer {{{{q}}}}."


def test_lists_and_archiving(client: Any) -> None:
    name = f"{FOLDER}/short-lived"
    client.create_prompt(name=name, prompt="x", tags=[f"old-{MAJOR}"], config={"a": 1})
    (one,) = client.api.prompts.list(tag=f"old-{MAJOR}").data
    assert (one.name, one.versions, one.labels, one.last_config) == (name, [1], ["latest"], {"a": 1})
    assert client.api.prompts.list(name=NAME, limit=1).meta.total_items == 1
    client.api.prompts.delete(urllib.parse.quote(name, safe=""))
    assert client.api.prompts.list(name=name).data == []


def test_a_generation_names_its_prompt(door: Door, client: Any) -> None:
    prompt = client.get_prompt(NAME, cache_ttl_seconds=0)
    with client.start_as_current_observation(as_type="generation", name="ask", model="m", prompt=prompt) as step:
        step.update(output="Yes.")
    with client.start_as_current_observation(as_type="generation", name="ask again", model="m") as other:
        other.update(output="Yes.", prompt=prompt)
    client.flush()
    query = urllib.parse.urlencode({"prompt": f"{NAME}@{prompt.version}"})
    until = time.monotonic() + _PATIENCE
    while len(found := ours(door, f"/api/traces?{query}")["data"]) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    assert {one["trace_id"] for one in found} == {step.trace_id, other.trace_id}
