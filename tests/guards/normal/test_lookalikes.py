import pytest

from pilothouse.guards.normal.lookalikes import is_unseen, skeleton


@pytest.mark.parametrize(
    ("char", "seen"),
    [
        ("А", "a"), ("е", "e"), ("ο", "o"), ("ⅰ", "i"), ("𝐠", "g"), ("ｎ", "n"), ("ɴ", "n"), ("🅰", "a"), ("🇮", "i"),
        ("é", "e"), ("ö", "o"), ("ß", "s"), ("İ", "i"), ("ﬁ", "fi"),
        ("\u0301", ""), ("\u200b", ""), ("\U000e0069", ""), ("\xad", ""),
        ("\x00", ""), ("’", "'"), ("—", "-"), ("\u00a0", " "), ("и", "и"), ("字", "字"), ("ा", "ा"), ("한", "한"),
        ("\ud800", "\ud800"),
    ],
    ids=lambda value: value.encode("unicode_escape", "surrogatepass").decode() or "nothing",
)  # fmt: skip
def test_characters_are_what_they_look_like(char: str, seen: str) -> None:
    assert skeleton(char) == seen


def test_what_is_not_seen_is_known() -> None:
    assert all(map(is_unseen, "\u202e\u2066\ufeff\ufe0f\u3164\u0007"))
    assert not any(map(is_unseen, " \n\tx字"))
