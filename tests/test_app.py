import textwrap
from pathlib import Path

import pytest

from pilothouse.app import build
from pilothouse.call import Call
from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.settings import Settings
from pilothouse.types import ChatRequest


def settings(folder: Path, config: str | None = None) -> Settings:
    path = folder / "pilothouse.yaml"
    if config is None:
        return Settings(home=folder / "home")
    path.write_text(textwrap.dedent(config))
    return Settings(home=folder / "home", config=path)


def test_a_changed_file_is_the_next_snapshot_and_the_same_file_is_none(tmp_path: Path) -> None:
    one = "models: {a: {deployments: [{provider: builtin, model: echo}]}}"
    two = "models: {b: {deployments: [{provider: builtin, model: echo}]}}"
    numbers = []
    for text in (one, one, two):
        with build(settings(tmp_path, text)) as platform:
            numbers.append((platform.snapshot.number, *platform.snapshot.config.models))
    assert numbers == [(1, "a"), (1, "a"), (2, "b")]


def test_without_a_file_the_last_snapshot_stays(tmp_path: Path) -> None:
    with build(settings(tmp_path, "models: {a: {deployments: [{provider: builtin, model: echo}]}}")):
        pass
    with build(settings(tmp_path)) as platform:
        assert list(platform.snapshot.config.models) == ["a"]


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ("providers: {x: {}}", ConfigError, r"providers\.x\.kind: No pilothouse\.providers named 'x'"),
        ("providers: {x: {kind: opnai}}", ConfigError, "Did you mean 'openai'"),
        ("providers: {openai: {api_key: ${NOT_SET_ANYWHERE}}}", ConfigError, r"providers\.openai\.api_key.*NOT_SET"),
        ("providers: {openai: {api_key: k, options: {apiversion: 1}}}", ConfigError, "did you mean 'api_version'"),
    ],
)
def test_a_provider_that_cannot_be_built_is_named(
    tmp_path: Path, config: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        build(settings(tmp_path, config))


def test_a_missing_extra_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "botocore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(MissingExtra, match=r"pip install 'pilothouse\[bedrock\]'"):
        build(settings(tmp_path, "providers: {bedrock: {options: {region: eu-west-1}}}"))


def test_the_first_key_is_made_once(tmp_path: Path) -> None:
    with build(settings(tmp_path)) as platform:
        key = platform.first_key()
        assert key is not None
        assert platform.keys.authenticate(f"Bearer {key}").is_admin
    with build(settings(tmp_path)) as platform:
        assert platform.first_key() is None


def test_work_of_a_command_is_recorded_when_it_ends(tmp_path: Path) -> None:
    request = ChatRequest.check({"model": "builtin/echo", "messages": [{"role": "user", "content": "hello"}]})

    async def say(call: Call) -> str:
        return "".join([chunk.text async for chunk in platform.gateway.chat(request, call)])

    with build(settings(tmp_path)) as platform:
        call = Call(platform.recorder)
        assert platform.run(say(call)).strip() == "hello"
    with build(settings(tmp_path)) as platform:
        (span,) = platform.traces.get(call.trace_id).spans
    assert span.cost_nano == 0
    assert span.cost_known
    assert not list((tmp_path / "home" / "spool").glob("*/*.log"))
