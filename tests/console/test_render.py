import pytest

from pilothouse.console.render import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字 שלום 😀\tand\nlines", "plain ünïcode 漢字 שלום 😀\tand\nlines"),
        ("a\0b", "a⟨U+0000⟩b"),
        ("\u202egpj.exe", "⟨U+202E⟩gpj.exe"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("esc\x1b[31m", "esc⟨U+001B⟩[31m"),
        ("lone \ud800", "lone ⟨U+D800⟩"),
        (5, "5"),
    ],
)
def test_what_hides_or_reorders_is_written_out(text: object, shown: str) -> None:
    assert visible(text) == shown
