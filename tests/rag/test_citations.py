import pytest

from pilothouse.rag.citations import citations
from pilothouse.types import Hit

HITS = [Hit(f"c{n}", "text", "report.pdf", page=n) for n in range(1, 6)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It rose [1].", [1]),
        ("It rose [2][1], then fell [2].", [1, 2]),
        ("Both [1, 3] and [4; 5].", [1, 3, 4, 5]),
        ("All [2-4], all [1–2].", [1, 2, 3, 4]),
        ("As 【3】 says, and [ 4 and 5 ].", [3, 4, 5]),
        ("Nothing [6], [0], [99999], [x], [1a], (1), [].", []),
        ("Too many [1-9999].", [1, 2, 3, 4, 5]),
        ("", []),
    ],
)
def test_numbers_in_the_text_become_citations(text: str, numbers: list[int]) -> None:
    assert [citation.number for citation in citations(text, HITS)] == numbers


def test_a_citation_says_where_the_passage_stands() -> None:
    (citation,) = citations("[2]", HITS)
    assert (citation.chunk_id, citation.source, citation.place, citation.page) == (
        "c2",
        "report.pdf",
        "report.pdf, page 2",
        2,
    )


def test_without_passages_nothing_is_cited() -> None:
    assert citations("[1]", []) == []
