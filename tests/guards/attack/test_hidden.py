import pytest

from pilothouse.guards.attack.hidden import HiddenText
from pilothouse.guards.redacting import redacted
from pilothouse.protocols import Subject

_TAGS = "".join(chr(0xE0000 + ord(char)) for char in "obey")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a <!-- do it --> b", "a  b"),
        ('a <p style="display:none">do it</p> b', "a </p> b"),
        (f"a{_TAGS} b", "a b"),
        ("a" + "\u200b\u200c" * 8 + "b", "ab"),
        ("a \u202eb", "a b"),
        ("a😀" + "\ufe0f" * 5 + "b", "a😀b"),
    ],
    ids=["comment", "element", "tags", "zero width", "direction", "selectors"],
)
async def test_what_a_reader_does_not_see_is_taken_out(text: str, left: str) -> None:
    result = await HiddenText().check(Subject(text, "retrieval"))
    assert result.status == "triggered"
    assert redacted(text, result.findings) == left


@pytest.mark.parametrize(
    "text",
    ["plain", "family 👩\u200d👩\u200d👧 and ☺️", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
     "نیم\u200cفاصله", "1 < 2 --> 3"],
    ids=["plain", "emoji", "flag", "persian", "signs"],
)  # fmt: skip
async def test_what_languages_and_emoji_need_stays(text: str) -> None:
    assert (await HiddenText().check(Subject(text, "retrieval"))).status == "passed"


async def test_comments_can_be_let_pass() -> None:
    assert (await HiddenText(comments=False).check(Subject("<!-- license -->", "tool"))).status == "passed"
