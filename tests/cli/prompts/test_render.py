import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pilothouse.access.audit import Actor
from pilothouse.cli.context import Context
from pilothouse.cli.prompts.render import render
from pilothouse.errors import InvalidRequest, MissingVariable
from pilothouse.prompts.content import content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import open_store

CONTENT = {
    "template": [{"role": "system", "content": "Be {{ tone }}."}, {"role": "user", "content": "{{ q }} {{ n + 1 }}"}],
    "variables": {"q": {}, "n": {"type": "integer"}, "tone": {"default": "dry"}},
}


def call(home: Path, *words: str, given: str = "") -> Result:
    context = Context(Settings(home=home), lambda settings, serving=True: pytest.fail("it needs no platform"))
    return CliRunner().invoke(render, [*words], obj=context, input=given, catch_exceptions=False)


def test_a_version_with_its_variables(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = open_store(Settings(home=home))
    prompts = Prompts(store.control)
    prompts.create("default", "ask", content_of(CONTENT), by=Actor("key-ana (Ana)", "cli"))
    prompts.create("default", "hi", content_of({"template": "Hi {{ a }}\x1b[31m"}), by=Actor("key-ana (Ana)", "cli"))
    store.close()
    done = call(home, "ask@1", "--var", "q=Why = so?", "--var", "n=41")
    assert done.output == "[system]\nBe dry.\n\n[user]\nWhy = so? 42\n\n"
    file = tmp_path / "vars.json"
    file.write_text('{"q": "Why?", "n": 1}')
    done = call(home, "ask#latest", "--vars", str(file), "--var", "n=2", "--json")
    assert json.loads(done.output)["messages"][1] == {"role": "user", "content": "Why? 3"}
    assert call(home, "hi@1", "--vars", "-", given='{"a": 1}').output.startswith("Hi 1")
    assert "\x1b" not in call(home, "hi@1", "--vars", "-", given='{"a": 1}').output
    with pytest.raises(MissingVariable, match="'q' is missing"):
        call(home, "ask@1", "--var", "n=1")
    for words in (["--var", "n=x"], ["--vars", str(tmp_path / "none.json")], ["--vars", "-"]):
        with pytest.raises(InvalidRequest):
            call(home, "ask@1", *words, given="[]")
    assert call(home, "ask@1", "--var", "q").exit_code == 2
