"""Texts that oracles are asked about: made of awkward parts, and sentences of the project's own pages, changed."""

import random
from pathlib import Path

from hypothesis import strategies as st

from pilothouse.overlap.sentences import sentences

DOCS = Path(__file__).parents[2] / "docs"

PARTS = [
    "a", "the ", "cat ", "Cat ", "running ", "runs ", "policies ", " ", "  ", "\n", ".", ",", "-", "-\n", "...", "'",
    '"', "(", "1", "23", "1.5", "2,000", "%", "/", "_", "$", "€", "&amp;", "&quot;", "<skipped>", "é", "ß", "İ", "中",
    "文", "。", "🙂", "\u00a0", "\x1c", "\ud800", "²", "½", "٣", "।",
]  # fmt: skip


@st.composite
def related(draw: st.DrawFn, most: int = 3) -> tuple[str, list[str]]:
    """A text and one to three others: the same, a part of it, or another."""
    parts = draw(st.lists(st.sampled_from(PARTS), max_size=30))
    others = []
    for _ in range(draw(st.integers(1, most))):
        new = draw(st.lists(st.sampled_from(PARTS), max_size=8))
        start, end = draw(st.integers(0, len(parts))), draw(st.integers(0, len(parts)))
        others.append("".join(parts[:start] + new + parts[end:]))
    return "".join(parts), others


def real_pairs(number: int = 60) -> list[tuple[str, str]]:
    """Sentences of the documentation, each with a copy in which words are left out, doubled, moved or foreign."""
    source = random.Random(5)
    found = [text for page in sorted(DOCS.glob("*.md")) for text in sentences(page.read_text()) if _is_prose(text)]
    pairs = []
    for text in source.sample(found, number):
        words = text.split(" ")
        for _ in range(source.randint(0, 6)):
            at, other = source.randrange(len(words)), source.randrange(len(words))
            change = source.choice(["drop", "double", "swap", "foreign"])
            if change == "drop" and len(words) > 1:
                del words[at]
            elif change == "double":
                words.insert(at, words[other])
            elif change == "swap":
                words[at], words[other] = words[other], words[at]
            else:
                words[at] = source.choice(source.choice(found).split(" "))
        pairs.append((" ".join(words), text))
    return pairs


def _is_prose(text: str) -> bool:
    """Whether words remain, however it is changed: rows of tables and commands have sentences of signs alone."""
    return sum(word.isalpha() for word in text.split()) > 7
