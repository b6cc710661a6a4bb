"""What is compared, as it is written."""

from pathlib import Path

import pytest

from pilothouse.config import Config
from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.lifecycle.diff.sides import Side, parse_side, read_prompt, side_of

PROMPT = """\
model: fast
messages:
- {role: system, content: Answer in a word.}
- {role: user, content: "{input}"}
params: {temperature: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "v2.yaml").write_text(PROMPT)
    (tmp_path / "v3.json").write_text('[{"role": "user", "content": "{input}?"}]')
    (tmp_path / "new.yaml").write_text("models: {a: {deployments: [{provider: builtin, model: echo}]}}")
    return tmp_path


def test_each_kind_and_several_joined(folder: Path) -> None:
    assert parse_side("model:fast").asks == "fast"
    assert parse_side("corpus:handbook").asks == "rag:handbook"
    assert parse_side("recorded").recorded
    assert parse_side("config:12").config == 12
    given = parse_side("config:new.yaml+model:a", folder)
    assert isinstance(given.config, Config)
    assert (given.asks, given.told) == ("a", "config:new.yaml+model:a")
    prompt = parse_side("prompt:v2.yaml", folder)
    assert prompt.prompt is not None
    assert (prompt.asks, len(prompt.prompt.messages), prompt.prompt.params) == ("fast", 2, {"temperature": 0})
    assert parse_side("prompt:v2.yaml+model:a+b", folder).asks == "a+b"
    registered = parse_side("prompt:faq/a@2+model:fast", folder)
    assert (registered.registered, registered.asks, registered.told) == ("faq/a@2", "fast", "prompt:faq/a@2+model:fast")
    assert read_prompt(folder / "v3.json").messages == [{"role": "user", "content": "{input}?"}]


@pytest.mark.parametrize("text", ["", "fast", "model:", "modle:fast", "model:a+model:b", "recorded+model:a"])
def test_what_is_none_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"Write it as model:NAME"):
        parse_side(text)


def test_a_prompt_that_is_none_is_named_with_file_line_and_key(folder: Path) -> None:
    path = folder / "bad.yaml"
    path.write_text("model: fast\nmessages:\n- {role: user, content: '{inptu}'}\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml:1: there is no \{inptu\}.*Did you mean '\{input\}'"):
        read_prompt(path)
    path.write_text("model: fast\nmesages: []\n")
    with pytest.raises(ConfigError) as told:
        read_prompt(path)
    assert f"{path}:1: messages: is missing." in told.value.message
    assert f"{path}:2: mesages: unknown key." in told.value.message
    path.write_text("messages: [{role: user, content: a}]\nparams: {stream: true}\n")
    with pytest.raises(ConfigError, match="params may not have 'stream'"):
        read_prompt(path)
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_prompt(folder / "none.yaml")


def test_as_json(folder: Path) -> None:
    assert side_of("model:fast") == parse_side("model:fast")
    found = side_of({"prompt": {"messages": [{"role": "user", "content": "{input}"}]}, "model": "fast"})
    assert found.told == "model:fast+prompt:given"
    assert side_of({"config": 3}).told == "config:3"
    assert side_of({"recorded": True}).told == "recorded"
    with pytest.raises(InvalidRequest, match="names a file: give its content"):
        side_of("model:a+config:new.yaml")
    assert side_of("prompt:v2.yaml").registered == "v2.yaml#production"  # no file is read for who asks over HTTP
    for wrong, why in (
        ({}, "names nothing to compare"), ({"model": "a", "corpus": "b"}, "names a model and a corpus"),
        ({"config": 3, "prompt": "faq@2"}, "asked of a model"),
        ({"prompt": {"messages": []}}, "^prompt.messages: List"),
        ({"recorded": True, "model": "a"}, "stands alone"), ({"modle": "a"}, "modle: unknown key"),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest, match=why):
            side_of(wrong)
    assert Side(model="a").told == "model:a"
