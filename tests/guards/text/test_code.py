import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.redacting import redacted
from pilothouse.guards.text.code import Code
from pilothouse.protocols import Subject

_PYTHON = 'def area(r):\n    """Of a circle."""\n    return pi * r ** 2\n\nprint(area(2))'
_JS = "const total = items.reduce((a, b) => a + b, 0);\nif (total > 3) {\n  send(total);\n}"
_SQL = "SELECT name\nFROM people\nWHERE age > 3;\nDELETE FROM people;\nUPDATE people SET age = 4;"


@pytest.mark.parametrize(
    "block",
    [_PYTHON, _JS, _SQL, "```\nanything at all\n```", "~~~sh\nls\n~~~"],
    ids=["py", "js", "sql", "fence", "tilde"],
)
async def test_blocks_of_code_are_found_and_nothing_else(block: str) -> None:
    text = f"Here it is, as you wanted:\n{block}\nThat is what you asked for.\nAnything else?"
    result = await Code().check(Subject(text, "output"))
    assert result.status == "triggered"
    left = redacted(text, result.findings)
    assert left.startswith("Here it is, as you wanted:\n")
    assert left.endswith("That is what you asked for.\nAnything else?")


@pytest.mark.parametrize(
    "text",
    [
        "A poem;\nnot of code,\nbut of words:\nand of wind.",
        "1. Wash the rice.\n2. Boil it for ten minutes.\n3. Serve.",
        "Dear Ann,\n\nfor a while we have been here; it is nice.\nClass starts on Monday.\n\nYours,\nBob",
        "",
    ],
    ids=["poem", "list", "letter", "empty"],
)
async def test_prose_passes(text: str) -> None:
    assert (await Code().check(Subject(text, "output"))).status == "passed"


def test_lines_are_counted_from_one() -> None:
    with pytest.raises(ConfigError, match="lines"):
        Code(lines=0)
