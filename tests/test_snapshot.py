from pathlib import Path

import pytest

from pilothouse.config import Config
from pilothouse.errors import ConfigError
from pilothouse.snapshot import Snapshot, parse_stored, read_config, resolve_secrets

DESIGN = """
providers:
  openai: {api_key: ${OPENAI_API_KEY}}
  pool:   {kind: openai, base_url: "http://10.0.0.5:8000/v1"}
models:
  fast:   {deployments: [{provider: pool, model: llama-3.1-8b}], fallbacks: [smart]}
  smart:  {deployments: [{provider: openai, model: gpt-4o, weight: 3}, {provider: openai, model: gpt-4.1}]}
"""


def read(text: str) -> Config:
    return read_config(Path("pilothouse.yaml"), text)


def test_the_smallest_useful_configuration_is_read() -> None:
    config = read(DESIGN)
    assert config.providers["openai"].api_key == "${OPENAI_API_KEY}"
    assert config.models["smart"].deployments[0].weight == 3
    assert config.models["fast"].fallbacks.any == ["smart"]
    assert read("") == Config()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "providers:\n  a: {kind: openai, basurl: x}\n",
            "pilothouse.yaml:2: providers.a.basurl: unknown key; did you mean 'base_url'?",
        ),
        ("modles: {}\n", "pilothouse.yaml:1: modles: unknown key; did you mean 'models'?"),
        (
            "models:\n  fast:\n    deployments:\n      - {provider: bultin, model: echo}\n",
            "yaml:4: models.fast.deployments.0.provider: no provider 'bultin'; did you mean 'builtin'?",
        ),
        (
            "models:\n  fast:\n    deployments: [{provider: builtin, model: echo}]\n    fallbacks: [fats]\n",
            "no model 'fats'; did you mean 'fast'?",
        ),
        (
            "models:\n  fast: {deployments: []}\n",
            "pilothouse.yaml:2: models.fast: an alias needs at least one deployment",
        ),
        ("rag:\n  top_k: 0\n", "pilothouse.yaml:2: rag.top_k: Input should be greater than or equal to 1"),
        ("a: [1,\n", "pilothouse.yaml:2: not valid YAML"),
        ("- 1\n", "pilothouse.yaml:1: configuration: must hold keys with values"),
        ("models:\n  fast:\n", "pilothouse.yaml:2: models.fast: must hold keys with values"),
        (
            "models:\n  5: {deployments: []}\n",
            "pilothouse.yaml:2: models.5.[key]: a key must be text: put it",
        ),
        ('models:\n  "a\\nb": {deployments: []}\n', "models.a\nb.[key]"),
        ("rag:\n  {chunk_tokens: 64, overlap_tokens: 33}\n", "yaml:1: rag: overlap_tokens must be at most half of"),
        ("providers:\n  a: {kind: openai, read_timeout: .inf}\n", "yaml:2: providers.a.read_timeout: Input should be"),
        ("providers:\n  rag: {kind: openai}\n", "pilothouse.yaml:2: providers.rag: this name is reserved"),
        ("rag: {answer_model: gpt}\n", "pilothouse.yaml:1: rag.answer_model: no model 'gpt'"),
    ],
)
def test_an_error_names_file_line_key_and_the_nearest_valid_key(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert expected in caught.value.message


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read("rag: {top_k: 0, chunk_tokens: 1}\nfoo: 1\n")
    assert len(caught.value.message.splitlines()) == 3


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read"):
        read_config(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_config(tmp_path / "latin.yaml")


@pytest.mark.parametrize("name", ["PILOTHOUSE_MASTER_KEY", "PILOTHOUSE_DATABASE_URL"])
def test_a_secret_of_the_server_goes_to_no_provider(name: str) -> None:
    with pytest.raises(ConfigError, match=f"providers.a.api_key: {name} is this server's own"):
        resolve_secrets(f"x ${{{name}}}", "providers.a.api_key", {name: "s3"})


def test_secrets_are_resolved_late_and_a_missing_one_is_named() -> None:
    assert resolve_secrets("Bearer ${KEY}", "providers.a", {"KEY": "s3"}) == "Bearer s3"
    assert resolve_secrets(None, "providers.a", {}) is None
    with pytest.raises(ConfigError, match=r"providers\.a\.api_key: the environment variable KEY is not set"):
        resolve_secrets("${KEY}", "providers.a.api_key", {})
    with pytest.raises(ConfigError, match=r"providers\.a\.api_key: holds a '\${' that is no reference"):
        resolve_secrets("${MY-KEY}", "providers.a.api_key", {"MY-KEY": "s3"})


def test_the_hash_of_a_snapshot_depends_on_its_content_alone() -> None:
    config = read(DESIGN)
    assert Snapshot(1, config).hash == Snapshot(2, parse_stored(config.model_dump(mode="json"))).hash
    assert Snapshot(1, config).hash != Snapshot(1, Config()).hash
