from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.rag.chunk import WINDOW_TOKENS, ChunkSettings, chunk_document, split, windows_of
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.types import Document, Section

TOKENIZER = HashingEncoder()


def parts(text: str, limit: int, overlap: int = 0) -> list[str]:
    return [text[start:end] for start, end in split(text, TOKENIZER, limit, overlap)]


def words(count: int, start: int = 0) -> str:
    return " ".join(f"w{n}" for n in range(start, start + count))


def document(*sections: Section, title: str = "Guide") -> Document:
    return Document("guide.md", title, list(sections))


def test_a_short_text_is_one_part() -> None:
    assert parts("  one two \n", 5) == ["one two"]
    assert parts(" \n ", 5) == []


def test_paragraphs_are_preferred_to_lines_and_lines_to_words() -> None:
    text = f"{words(6)}\n{words(2, 6)}\n\n{words(4, 8)}\n{words(4, 12)}"
    assert parts(text, 10) == [f"{words(6)}\n{words(2, 6)}", f"{words(4, 8)}\n{words(4, 12)}"]
    lines = f"{words(2, 6)}\n{words(8, 8)}"
    assert parts(f"{words(6)}\n\n{lines}", 10) == [words(6), lines]
    assert parts(f"{words(6)}\n{words(6, 6)}", 10) == [words(6), words(6, 6)]
    assert parts(words(10), 10) == [words(10)]
    assert parts(words(20), 10) == [words(10), words(10, 10)]


def test_sentences_are_preferred_to_words() -> None:
    text = "One two three four five six. Seven eight e.g. nine ten eleven."
    assert parts(text, 12) == ["One two three four five six.", "Seven eight e.g. nine ten eleven."]


def test_sentences_of_chinese_need_no_space() -> None:
    class Characters:
        def offsets(self, text: str) -> list[tuple[int, int]]:
            return [(i, i + 1) for i in range(len(text))]

    text = "这是第一句。这是第二句话。"
    assert [text[a:b] for a, b in split(text, Characters(), 8, 0)] == ["这是第一句。", "这是第二句话。"]


def test_parts_are_of_about_equal_size() -> None:
    assert [len(part.split()) for part in parts(words(110), 100)] == [55, 55]
    assert [len(part.split()) for part in parts(words(250), 100)] == [84, 83, 83]


def test_parts_overlap_where_no_strong_boundary_parts_them() -> None:
    first, second = parts(words(100), 60, 10)
    assert set(first.split()) & set(second.split()) == {f"w{n}" for n in range(45, 55)}
    text = f"{words(50)}\n\n{words(50, 50)}"
    assert parts(text, 60, 10) == text.split("\n\n")


def test_fenced_code_is_kept_whole_where_it_fits() -> None:
    code = "```python\n" + "\n\n".join(f"x{n} = {n}" for n in range(8)) + "\n```"
    text = f"{words(20)}\n\n{code}\n\n{words(20)}"
    assert any(code in part for part in parts(text, 60))


@given(
    st.text(alphabet=st.sampled_from(list("ab.!? \n`-|äλ你。")), max_size=400), st.integers(2, 40), st.integers(0, 20)
)
def test_every_token_is_covered_and_no_part_is_too_long(text: str, limit: int, overlap: int) -> None:
    overlap = min(overlap, limit // 2)
    spans = split(text, TOKENIZER, limit, overlap)
    for start, end in spans:
        assert 0 < len(TOKENIZER.offsets(text[start:end])) <= limit
    for start, end in TOKENIZER.offsets(text):
        assert any(a <= start and end <= b for a, b in spans)
    assert all(before[0] < after[0] and before[1] < after[1] for before, after in pairwise(spans))


def test_chunks_never_cross_pages() -> None:
    pages = [Section("one", 1), Section("two", 2)]
    assert [(c.page, c.text) for c in chunk_document(document(*pages), TOKENIZER, ChunkSettings())] == [
        (1, "one"),
        (2, "two"),
    ]


def test_small_neighbours_under_one_heading_are_joined() -> None:
    sections = [
        Section("lead", headings=("A",)),
        Section("one", headings=("A", "B")),
        Section("two", headings=("A", "C")),
        Section("deep", headings=("A", "C", "D")),
        Section("other", headings=("E",)),
    ]
    chunks = chunk_document(document(*sections), TOKENIZER, ChunkSettings(40, 0))
    assert [(c.headings, c.text) for c in chunks] == [
        (("A",), "lead\n\nB\none\n\nC\ntwo"),
        (("A", "C", "D"), "deep"),
        (("E",), "other"),
    ]


def test_large_neighbours_stay_apart() -> None:
    sections = [Section(words(15), headings=("A", "B")), Section(words(15, 20), headings=("A", "C"))]
    chunks = chunk_document(document(*sections), TOKENIZER, ChunkSettings(40, 0))
    assert [c.headings for c in chunks] == [("A", "B"), ("A", "C")]


def test_context_is_title_and_headings() -> None:
    sections = [Section("x", headings=("Guide", "Setup")), Section(words(30), headings=("Other",))]
    chunks = chunk_document(document(*sections), TOKENIZER, ChunkSettings(40, 0))
    assert [c.context for c in chunks] == ["Guide > Setup", "Guide > Other"]


def test_ids_stay_while_the_passage_stays() -> None:
    same = Section("same", headings=("B",))
    before = chunk_document(document(Section("a", 1), same, same), TOKENIZER, ChunkSettings())
    after = chunk_document(document(Section("changed", 1), same, same), TOKENIZER, ChunkSettings())
    assert before[0].id != after[0].id
    assert [c.id for c in before[1:]] == [c.id for c in after[1:]]
    ids = {
        c.id
        for c in chunk_document(document(Section("x", 1), Section("x", 2), Section("x", 1)), TOKENIZER, ChunkSettings())
    }
    assert len(ids) == 3


def test_windows_fit_the_encoder_and_carry_the_context() -> None:
    windows = windows_of(words(600), "Guide > Setup", TOKENIZER)
    assert len(windows) == 3
    assert all(window.startswith("Guide > Setup\n") for window in windows)
    assert all(TOKENIZER.count_tokens(window) <= WINDOW_TOKENS for window in windows)
    assert windows_of("one", "", TOKENIZER) == ("one",)


def test_a_long_context_leaves_room_for_the_text() -> None:
    windows = windows_of(words(200), words(300, 1000), TOKENIZER)
    assert len(windows) == 1
    assert TOKENIZER.count_tokens(windows[0]) <= WINDOW_TOKENS


@pytest.mark.parametrize(("tokens", "overlap"), [(0, 0), (10, 6), (10, -1)])
def test_an_overlap_that_does_not_fit_is_refused(tokens: int, overlap: int) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        ChunkSettings(tokens, overlap)
