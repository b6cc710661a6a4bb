"""`pilothouse batches` beside a server on the same home."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.batches import batches
from pilothouse.cli.context import Context
from pilothouse.settings import Settings
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.openai_server import OpenAIServer

from ..gateway.batch.batching import House, ask, serving


@pytest.fixture
async def house(tmp_path: Path, models_dir: Path) -> AsyncIterator[House]:
    async with (
        OpenAIServer() as upstream,
        AnthropicServer() as claude,
        serving(Settings(home=tmp_path / "home"), models_dir, upstream, claude) as house,
    ):
        house.platform.keys.set_master("ph-master")
        yield house


async def run(house: House, *arguments: str) -> Result:
    context = Context(house.platform.settings, build)
    runner = CliRunner(env={"COLUMNS": "250"})
    return await asyncio.to_thread(runner.invoke, batches, arguments, obj=context, standalone_mode=False)


def written(tmp_path: Path, lines: list[Any]) -> str:
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return str(file)


async def test_from_a_file_to_its_answers(house: House, tmp_path: Path) -> None:
    assert "No batches yet" in (await run(house, "list")).output
    file = written(tmp_path, [ask(0), ask(1), ask(2, "no-such")])
    result = await run(house, "create", file, "--wait", "--metadata", "night=1", "--json")
    assert result.return_value == 0
    batch = json.loads(result.output)
    assert (batch["status"], batch["endpoint"]) == ("completed", "/v1/chat/completions")
    assert batch["metadata"] == {"night": "1"}
    answers = (await run(house, "output", batch["id"])).output.splitlines()
    assert [json.loads(line)["custom_id"] for line in answers] == ["item-0", "item-1"]
    out = tmp_path / "errors.jsonl"
    await run(house, "output", batch["id"], "--errors", "--out", str(out))
    assert json.loads(out.read_text())["custom_id"] == "item-2"
    shown = (await run(house, "show", batch["id"])).output
    assert "tokens    22 in, 14 out" in shown
    listed = (await run(house, "list")).output.splitlines()
    assert batch["id"] in listed[1]
    assert listed[1].split()[-3:] == ["completed", "2", "1"]
    assert [row["id"] for row in json.loads((await run(house, "list", "--json")).output)] == [batch["id"]]


async def test_a_file_that_is_no_good(house: House, tmp_path: Path) -> None:
    result = await run(house, "create", written(tmp_path, [ask(0), ask(0)]), "--wait")
    assert result.return_value == 1
    assert "line 2: The custom_id of this request is also used by another one." in result.output
    broken = await run(house, "create", written(tmp_path, ["no object"]))
    assert "--endpoint" in str(broken.exception)
    unknown = await run(house, "create", written(tmp_path, [ask(0)]), "--key", "nobody")
    assert "No key 'nobody' is valid in project 'default'" in str(unknown.exception)


async def test_cancelling(house: House, tmp_path: Path) -> None:
    house.platform.batch_runner.gate._live = lambda: 33
    file = written(tmp_path, [ask(0)])
    batch = json.loads((await run(house, "create", file, "--json")).output)
    early = await run(house, "output", batch["id"])
    assert "its files are there once it has ended" in str(early.exception)
    assert "is asked to stop" in (await run(house, "cancel", batch["id"])).output
    ended = await house.until(await house.client.batches.retrieve(batch["id"]), seconds=30)
    assert ended.status == "cancelled"
    assert "no request was answered" in str((await run(house, "output", batch["id"])).exception)
