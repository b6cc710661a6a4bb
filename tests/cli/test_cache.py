"""The caches of a running server from the command line, its deployments, and a threshold from labelled pairs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilothouse.app import build
from pilothouse.cli.cache import cache
from pilothouse.cli.context import Context
from pilothouse.cli.models import models
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

CONFIG = {
    "providers": {"dead": {"kind": "openai", "base_url": "http://127.0.0.1:1/v1"}},
    "models": {
        "fast": {"deployments": [{"provider": "builtin", "model": "echo"}], "exact_cache": {"ttl": 60}},
        "dead": {"deployments": [{"provider": "dead", "model": "m"}], "fallbacks": ["fast"],
                 "resilience": {"retries": 0, "failures": 1}},
    },
}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path, models_dir: Path) -> Iterator[Embedded]:
    config = tmp_path / "pilothouse.yaml"
    config.write_text(json.dumps(CONFIG))
    embedded = Embedded(Settings(home=tmp_path / "home", config=config, models=models_dir))
    yield embedded
    embedded.close()


@pytest.fixture
def context(tmp_path: Path, models_dir: Path) -> Context:
    return Context(Settings(home=tmp_path / "other", models=models_dir), build)


def run(context: Context, server: Embedded, command: Any, *args: str, code: int = 0) -> str:
    env = {"PILOTHOUSE_URL": server.address, "PILOTHOUSE_API_KEY": server.key}
    result = CliRunner().invoke(command, args, obj=context, env=env, standalone_mode=False)
    assert (result.exception, result.return_value or 0) == (None, code), result.output
    return result.output


def test_hits_are_shown_and_answers_forgotten(context: Context, server: Embedded) -> None:
    assert "Nothing was looked up" in run(context, server, cache, "show")
    for _ in range(2):
        server.client.chat("fast", "hello")
    shown = run(context, server, cache, "show")
    assert "50.0%" in shown
    assert "1 entries" in shown
    (row,) = json.loads(run(context, server, cache, "show", "--json"))["aliases"]
    assert (row["lookups"], row["exact"], row["hit_rate"]) == (2, 1, 0.5)
    assert "0 forgotten" in run(context, server, cache, "purge", "--alias", "dead", "--yes")
    assert "1 forgotten" in run(context, server, cache, "purge", "--alias", "fast", "--yes")
    assert "0 entries" in run(context, server, cache, "show")


def test_fragments_are_shown_and_forgotten(context: Context, server: Embedded) -> None:
    for section, inputs in (("greeting", 1), ("greeting", 1), ("greeting", 2), ("farewell", 1)):
        server.client.fragment(section, inputs, lambda: "made")
    server.client.chat("fast", "hello")
    shown = run(context, server, cache, "show")
    assert "greeting" in shown
    assert "33.3%" in shown
    assert "4 entries" in shown
    assert "2 forgotten" in run(context, server, cache, "purge", "--section", "greeting", "--yes")
    assert "1 forgotten" in run(context, server, cache, "purge", "--fragments", "--yes")
    assert "1 forgotten" in run(context, server, cache, "purge", "--yes")
    both = CliRunner().invoke(cache, ["purge", "--alias", "fast", "--fragments", "--yes"], obj=context)
    assert both.exit_code == 2
    assert "--section are not" in both.output


def test_without_a_yes_nothing_is_forgotten(context: Context, server: Embedded) -> None:
    server.client.chat("fast", "hello")
    env = {"PILOTHOUSE_URL": server.address, "PILOTHOUSE_API_KEY": server.key}
    assert CliRunner().invoke(cache, ["purge"], obj=context, env=env, input="n\n").exit_code == 1
    assert "1 entries" in run(context, server, cache, "show")


def test_the_health_of_deployments(context: Context, server: Embedded) -> None:
    assert "No deployment" in run(context, server, models, "health")
    server.client.chat("dead", "hello")
    rows = {row["id"]: row for row in json.loads(run(context, server, models, "health", "--json", code=1))}
    assert rows["dead/m"]["breaker"] == "open"
    assert rows["builtin/echo"]["breaker"] == "closed"
    assert "open" in run(context, server, models, "health", code=1)


def write(path: Path, pairs: list[tuple[str, str, bool]]) -> str:
    path.write_text("".join(json.dumps({"one": a, "other": b, "same": same}) + "\n" for a, b, same in pairs))
    return str(path)


def test_a_threshold_from_labelled_pairs(context: Context, tmp_path: Path) -> None:
    things = [f"{a} {b}" for a in ("blue", "small", "heavy", "wooden") for b in ("boat", "lamp", "chair", "clock")]
    same = [(f"How can I clean the {thing}?", f"How do I clean the {thing}?", True) for thing in things]
    vetoed = [(f"How can I clean the {thing}?", f"How can I not clean the {thing}?", False) for thing in things]
    file = write(tmp_path / "pairs.jsonl", same + vetoed)
    found = CliRunner().invoke(cache, ["calibrate", file, "--false-hits", "0.25", "--json"], obj=context)
    said = json.loads(found.output)
    assert (said["served"], said["hit_rate"], said["false_hit_rate"]) == (16, 1.0, 0.0)
    assert 0.5 < said["threshold"] < 1
    lied = write(tmp_path / "lied.jsonl", [(a, b, False) for a, b, _ in same])
    refused = CliRunner().invoke(cache, ["calibrate", lied], obj=context, standalone_mode=False)
    assert "No threshold" in refused.output
    assert refused.return_value == 1


@pytest.mark.parametrize("line", ["no json", '{"one": "a", "other": "b"}', '{"one": "a", "other": "b", "same": 1}'])
def test_a_line_that_is_no_pair_is_named(context: Context, tmp_path: Path, line: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(f'{{"one": "a", "other": "b", "same": true}}\n{line}\n')
    error = CliRunner().invoke(cache, ["calibrate", str(file)], obj=context).exception
    assert "pairs.jsonl:2" in str(error)


def test_what_to_do_where_no_server_answers_or_the_key_is_missing(context: Context, server: Embedded) -> None:
    def said(**env: str | None) -> str:
        none = {"PILOTHOUSE_URL": None, "PILOTHOUSE_API_KEY": None}
        return str(CliRunner().invoke(cache, ["show"], obj=context, env=none | env, standalone_mode=False).exception)

    assert "give one that may look at the platform with --key" in said(PILOTHOUSE_URL=server.address)
    assert "start it with `pilothouse up`." in said(PILOTHOUSE_URL="http://127.0.0.1:1")
