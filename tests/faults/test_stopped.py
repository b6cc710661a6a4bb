"""SIGTERM while work goes on that nobody waits for: it ends within the grace, and the next start goes on with what has
a rest. A result is there once, and nothing stays held."""

import json
import signal
from pathlib import Path
from typing import Any

import openai

from .conftest import configuration
from .raw import RawUpstream
from .running import MASTER, Up, chat_body, running, until

GRACE = 2
ASKED = 6
"""Requests of the batch: the first is answered before the stop, two are being asked then, the others wait."""


def config(url: str) -> dict[str, Any]:
    made = configuration(url, batch={"parallel": 2})
    mirrored = {**made["models"]["good"], "shadow": {"model": "slow", "share": 1}}
    made["models"] |= {"mirrored": mirrored}
    return made


def client(up: Up, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{up.address}/v1", api_key=key, max_retries=0)


def start_batch(up: Up, key: str) -> str:
    models = ["good", *["slow"] * (ASKED - 1)]
    lines = [
        {"custom_id": f"r{i}", "method": "POST", "url": "/v1/chat/completions", "body": chat_body(model)}
        for i, model in enumerate(models)
    ]
    raw = "\n".join(map(json.dumps, lines)).encode()
    with client(up, key) as api:
        file = api.files.create(file=("in.jsonl", raw), purpose="batch")
        made = api.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    return made.id


def held(up: Up) -> int:
    return sum(row["held_nano"] + row["held_tokens"] for row in up.get("/api/budgets"))


def test_a_server_that_is_told_to_stop(upstream: tuple[RawUpstream, str], tmp_path: Path, models_dir: Path) -> None:
    home, raw = tmp_path / "home", upstream[0]
    with running(home, models_dir, config(upstream[1]), shutdown_grace=str(GRACE)) as up:
        budgets = {"budgets": [{"period": "total", "usd": 10}, {"period": "day", "tokens": 10_000_000}]}
        secret, key_id = up.new_key("app", **budgets, limits={"parallel": 50})
        up.ask("PATCH", "/api/projects/default", budgets, key=MASTER)
        batch_id = start_batch(up, secret)
        with client(up, secret) as api:
            background = api.responses.create(model="slow", input="hello", background=True, stream=False).id
        assert up.chat("mirrored", key=secret).status == 200
        waiting = up.connect()
        up.begin(waiting, "POST", "/v1/chat/completions", chat_body("slow"), key=secret)
        for _ in range(5):  # two of the batch, the response, the mirrored call, the one that is waited for
            assert raw.arrived("slow")
        up.entries(key_id, 2)
        assert held(up) > 0
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(timeout=GRACE + 20) == 0
        waiting.close()

    asked = raw.asked["slow"]
    raw.release.set()
    with running(home, models_dir) as up, client(up, secret) as api:
        ended = until(lambda: b if (b := api.batches.retrieve(batch_id)).status == "completed" else None)
        assert (ended.request_counts.completed, ended.request_counts.failed) == (ASKED, 0)
        lines = [json.loads(line) for line in api.files.content(ended.output_file_id).text.splitlines()]
        assert sorted(line["custom_id"] for line in lines) == [f"r{i}" for i in range(ASKED)]
        assert raw.asked["slow"] - asked == ASKED - 1  # what had not been answered, and nothing twice
        assert raw.asked["good"] >= 1
        told = api.responses.retrieve(background)
        assert (told.status, told.error.code if told.error else None) == ("failed", "server_error")
        until(lambda: held(up) == 0)
        assert up.post("/api/ledger/rebuild", {})["corrected"] == 0
        assert up.chat("good", key=secret).status == 200
