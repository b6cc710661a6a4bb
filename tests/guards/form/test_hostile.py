"""Answers that were made to hurt: every guard of this room says something of each, and none raises."""

import asyncio
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from pilothouse.guards.form.growing import Growing
from pilothouse.guards.form.json_schema import JsonSchema
from pilothouse.guards.form.pattern import Regex
from pilothouse.guards.form.pydantic_model import PydanticForm
from pilothouse.guards.form.xml import Xml
from pilothouse.protocols import Subject

SIZE = 1_000_000
SMALL = {
    "nothing": "", "blank": " \n\t", "nul": "\x00{}\x00", "nan": '{"a": NaN}', "infinite": '{"a": -Infinity}',
    "huge number": '{"a": 1e999999}', "long number": '{"a": ' + "9" * 5000 + "}", "half": '{"a": "\ud800"}',
    "escaped half": '{"a": "\\ud800"}', "half alone": "\udfff", "twice": '{"a": 1, "a": 2}',
    "empty key": '{"": 1}', "rtl": '{"\u202ea": "\u202eb"}', "emoji": '{"a": "👩‍🚀"}', "prose": "No JSON here.",
    "open": '{"a": "', "close": "}}]]", "fence": "```", "fences": "```json\n```\n```json\n{\n```", "quote": '"',
    "escape": '{"a": "\\', "proto": '{"__proto__": {"a": 1}, "constructor": 2}', "bom": '\ufeff{"a": 1}',
    "deep": "[" * 5000 + "]" * 5000, "deep objects": '{"a":' * 5000, "deep xml": "<a>" * 5000,
    "bomb": '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>', "file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}  # fmt: skip
LARGE = {
    "brackets": "[" * SIZE, "objects": '{"a":' * (SIZE // 5), "quotes": '"' * SIZE,
    "escapes": '{"a":"' + "\\" * (SIZE // 8),
    "lines of brackets": "[\n" * (SIZE // 2), "fences": "```" * (SIZE // 3), "fenced": "```\n{\n" * (SIZE // 6),
    "commas": "[" + "," * (SIZE // 8), "digits": "[" + "1" * SIZE, "text": '{"a": "' + "x" * SIZE,
    "tags": "<a>" * (SIZE // 3),
    "keys": "{" + '"a":1,' * (SIZE // 24), "backticks": "`" * SIZE, "words": "a " * (SIZE // 2),
    "many texts": "{x " + '["a" ' * 8_000,
    "many broken": "{x " + '"a" "b" ' * 5_000, "many quotes": "{x " + "“" * 40_000,
}  # fmt: skip


class Loose(BaseModel):
    a: float | str | None = None


def everything(text: str) -> None:
    subject = Subject(text, "output", "assistant")
    guards = (
        JsonSchema(schema={"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!b)x+x+y"}}}),
        Xml(root="a"), Regex(pattern="(a+)+b", match="whole"),
    )  # fmt: skip
    for guard in guards:
        result = asyncio.run(guard.check(subject))
        assert result.status in ("passed", "triggered")
        if result.repaired is not None:
            result.repaired.encode()
    formed = PydanticForm(Loose).read(text)
    assert formed.problems or isinstance(formed.value, Loose)
    growing = Growing()
    for at in range(0, len(text), 1 + len(text) // 50):
        growing.feed(text[at : at + 1 + len(text) // 50])
        json.dumps(growing.grown.value if growing.grown.open else None)


@pytest.mark.parametrize("name", SMALL)
def test_small_hostile_answers_are_told_of(name: str) -> None:
    everything(SMALL[name])


def test_a_million_hostile_characters_take_seconds_not_minutes() -> None:
    code = (
        "import resource, sys, importlib.util\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (90, 90))\n"
        f"spec = importlib.util.spec_from_file_location('hostile', {str(Path(__file__))!r})\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "for text in module.LARGE.values(): module.everything(text)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert resource.RLIMIT_CPU is not None
