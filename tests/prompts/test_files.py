"""What is written reads back as the very same, and what is wrong in a file is told with its line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.prompts.content import Content
from pilothouse.prompts.files import read, write

HERE = Path("answer.prompt.md")
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
AWKWARD = st.sampled_from(
    ["=== system ===", "\\=== user ===", "---", "", " ", "# Heading", "=== placeholder x ===", "=== user json ===",
     "{{ x }}", "\t", "%YAML", "...", "- a: b", "| x", "\r", "\x85", "\u2028", "\ufeff", "on", "1e3", "2024-01-01",
     "<<", "=", "~", "${HOME}", "⟦HOME⟧"]
)  # fmt: skip
TEXTS = st.one_of(st.text(CHARACTERS, max_size=40), st.lists(AWKWARD, max_size=5).map("\n".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
PARTS = st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXTS), min_size=1, max_size=2)
MESSAGES = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content}, st.sampled_from(["system", "user"]), TEXTS | PARTS
    ),
    st.builds(lambda calls: {"role": "assistant", "tool_calls": calls}, JSON),
    st.builds(lambda name: {"placeholder": name}, NAMES),
)
VARIABLES = st.fixed_dictionaries({}, optional={"untrusted": st.just(True), "default": JSON})
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "syntax": st.sampled_from(["mustache", "format"]),
        "model": st.just("gpt-5-mini"),
        "params": st.dictionaries(st.sampled_from(["temperature", "stop"]), JSON),
        "variables": st.dictionaries(NAMES, VARIABLES, max_size=2),
        "tools": st.lists(OBJECTS, max_size=2),
        "response_format": OBJECTS,
        "guards": OBJECTS | st.lists(JSON, max_size=2),
        "config": OBJECTS | st.builds(lambda rest, lint: {**rest, "lint": lint}, OBJECTS, JSON),
        "examples": st.lists(st.fixed_dictionaries({"input": TEXTS | OBJECTS, "output": TEXTS}), max_size=2),
    },
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(TEXTS | st.lists(MESSAGES, min_size=1, max_size=4), FIELDS, st.none() | st.integers(1, 9))
def test_what_is_written_reads_back_as_it_was(template: Any, fields: dict[str, Any], version: int | None) -> None:
    content = Content.model_validate({"template": template, **fields})
    text = write("a/b", content, version)
    file = read(text, HERE)
    assert (file.content, file.content.hash, file.name, file.version) == (content, content.hash, "a/b", version)
    assert file.edited == (version is None)
    assert write(file.name, file.content, file.version) == text
    assert read(text.replace("\n", "\r\n"), HERE).content == content


CHAT = """\
---
name: support/answer
version: 3
hash: '5f1c0a9be2d84c11'
type: chat
lint:
  disable: [P105]
---
=== system ===
# Rules

Answer briefly.

=== placeholder history ===

=== user ===
{{ question }}
"""


def test_a_chat_reads_as_a_person_would() -> None:
    file = read(CHAT, HERE)
    assert (file.name, file.version, file.hash, file.edited) == ("support/answer", 3, "5f1c0a9be2d84c11", True)
    assert file.content.config == {"lint": {"disable": ["P105"]}}
    told = [one.model_dump(exclude_unset=True) for one in file.content.template]  # type: ignore[union-attr]
    assert told == [
        {"role": "system", "content": "# Rules\n\nAnswer briefly."}, {"placeholder": "history"},
        {"role": "user", "content": "{{ question }}"},
    ]  # fmt: skip
    assert file.lines == (10, 15, 17)
    tight = CHAT.replace("\n\n===", "\n===").removesuffix("\n")
    assert read(tight, HERE).content == file.content


def test_a_file_by_hand_needs_little() -> None:
    file = read("---\n---\nHello {{ name }}", HERE, "hello")
    assert (file.name, file.content.template, file.version, file.lines) == ("hello", "Hello {{ name }}", None, (3,))
    assert read("---\nname: x\n---\n=== user ===\nHi\n", HERE).content.type == "chat"
    assert read("---\nname: x\ntemplate: Hi\n---", HERE).content.template == "Hi"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello", ":1: a prompt file begins with"),
        ("---\nname: x\n", ":1: the front matter does not end"),
        ("---\nname: x\nmodle: y\n---\n", ":3: modle: there is no such key"),
        ("---\nname: x\nname: y\n---\n", ":3: name: stands in line 2 already"),
        ("---\nname: [\n---\n", ":3: not valid YAML"),
        ("---\n- x\n---\n", ":2: the front matter must be"),
        ("---\nname: 3\n---\n", ":2: name: say the prompt's name"),
        ("---\nname: x\nversion: three\n---\n", ":3: version: must be the number"),
        ("---\nname: x\nversion: 3\nhash: 12\n---\n", ":4: hash: must be the text"),
        ("---\nname: x\nconfig:\n  since: 2024-01-01\n---\n", ":4: config.since: a date is nothing that JSON has"),
        ("---\nname: x\nconfig:\n  a:\n  - 1: 2\n---\n", ":5: config.a.0.1: a key must be a text"),
        ("---\nname: x\nlint: {}\nconfig: {lint: {}}\n---\n", ":3: lint: 'config' has it, too"),
        ("---\nname: x\nconfig: [1]\n---\n", ":3: config: Input should be a valid dictionary"),
        ("---\nname: x\nlint: {}\nconfig: [1]\n---\n", ":4: config: must be"),
        ("---\nname: x\nvariables:\n  q:\n    type: text\n---\n", ":5: variables.q.type: Input should be"),
        ("---\nname: x\ntype: chat\n---\n", ":5: a chat needs messages"),
        ("---\nname: x\ntype: chat\n---\n\nHello\n=== user ===\n", ":6: a chat begins with a line such as"),
        (
            "---\nname: x\n---\n=== user ===\nHi\n=== robot ===\nHello\n",
            ":6: template.1.role: Input should be 'system', 'developer'",
        ),
        ("---\nname: x\n---\n=== user json ===\n{\n  oops\n}\n", ":6: this message is no valid JSON"),
        ("---\nname: x\n---\n=== user json ===\n[]\n", ":5: a message in JSON is an object"),
        ("---\nname: x\n---\n=== placeholder h ===\nHi\n", ":5: a placeholder has no text"),
        ("---\nname: x\ntemplate: a\n---\nb\n", ":3: template: the text stands below"),
        ("---\nname: x\nmodel: ''\n---\n", ":3: model: String should have at least 1 character"),
        ("---\nname: x\n---\n=== user ===\nHi\n=== System ===\n", ":6: `=== System ===` begins no message"),
        ("---\nname: x\n---\n=== placeholder a-b ===\n", ":4: `a-b` is no name of a variable"),
        ("---\nname: &a [*a]\n---\n", ": is nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, HERE)
    assert str(caught.value).startswith(f"{HERE}{told}"), caught.value
