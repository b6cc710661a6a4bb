"""Two texts side by side: which lines stand beside each other, and which words differ."""

import random

import pytest

from pilothouse.console.wording import Part, Row, folded, side_by_side


def told(rows: list[Row]) -> list[str]:
    """`-` and `+` lines with what changed in brackets; lines that both have begin with a blank."""
    lines = []
    for row in rows:
        for mark, number, parts in (("-", row.old_number, row.old), ("+", row.new_number, row.new)):
            if number is not None and not (row.same and mark == "+"):
                words = "".join(f"[{part.text}]" if part.changed else part.text for part in parts)
                lines.append(f"{' ' if row.same else mark}{words}")
    return lines


def test_the_words_that_changed_are_told_and_lines_that_are_alike_stand_beside_each_other() -> None:
    old = "You are a helper.\nAnswer shortly.\n\nQuestion: {{ q }}"
    new = "You are a careful helper.\n\nQuestion: {{ question }}\nAnswer:"
    assert told(side_by_side(old, new)) == [
        "-You are a helper.", "+You are a[ careful] helper.", "-[Answer shortly.]", " ",
        "-Question: {{[ q] }}", "+Question: {{[ question] }}", "+[Answer:]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", []),
        ("", "a", ["+[a]"]),
        ("a\nb", "", ["-[a]", "-[b]"]),
        ("Sprich ruhig über Öl.", "Sprich über Öl.", ["-Sprich[ ruhig] über Öl.", "+Sprich über Öl."]),
        ("one two", "three four", ["-[one two]", "+[three four]"]),
        ("a of b c", "x of y c", ["-[a of b] c", "+[x of y] c"]),
    ],
    ids=["nothing", "new", "gone", "unicode", "all", "few letters between"],
)
def test_two_texts(old: str, new: str, lines: list[str]) -> None:
    assert told(side_by_side(old, new)) == lines


def test_both_sides_can_be_read_back_whatever_they_are() -> None:
    some = random.Random(6)
    for _ in range(400):
        old, new = (
            "\n".join("".join(some.choices("ab c", k=some.randrange(6))) for _ in range(some.randrange(7)))
            for _ in range(2)
        )
        rows = side_by_side(old, new)
        for text, number, side in ((old, "old_number", "old"), (new, "new_number", "new")):
            lines = ["".join(part.text for part in getattr(row, side)) for row in rows if getattr(row, number)]
            assert lines == text.splitlines()
        assert [row for fold in folded(rows) for row in fold.rows] == rows


def test_texts_that_differ_everywhere_are_told_as_a_whole() -> None:
    some = random.Random(6)
    old, new = ("".join(some.choices("ab\n ", k=60_000)) for _ in range(2))
    rows = side_by_side(old, new)
    assert sum(row.old_number is not None for row in rows) == len(old.splitlines())


def test_what_lies_far_from_a_change_is_folded() -> None:
    old = [f"line {n}" for n in range(20)]
    folds = folded(side_by_side("\n".join(old), "\n".join([*old[:10], "another", *old[11:]])))
    assert [(fold.hidden, len(fold.rows)) for fold in folds] == [(True, 7), (False, 7), (True, 6)]
    assert folds[1].rows[3].new == [Part("another", changed=True)]
