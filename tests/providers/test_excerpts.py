import pytest

from pilothouse.passages import Passage
from pilothouse.providers.excerpts import Excerpt, excerpts


def texts(text: str) -> list[str]:
    return [excerpt.text for excerpt in excerpts(Passage(1, "a.md", text))]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One two three. Four five six! Seven eight nine?", ["One two three.", "Four five six!", "Seven eight nine?"]),
        ("Wrapped over\ntwo lines here. And more\nto come.", ["Wrapped over two lines here.", "And more to come."]),
        ("Sales of Apple Inc. Grew a lot. See No. 5 of it.", ["Sales of Apple Inc. Grew a lot.", "See No. 5 of it."]),
        ("The U.S. Treasury said so. It rose 3.5 percent.", ["The U.S. Treasury said so.", "It rose 3.5 percent."]),
        ("He said “never do this.” Then he left again.", ["He said “never do this.”", "Then he left again."]),
        ("Use it so. `make test` runs all of it.", ["Use it so.", "`make test` runs all of it."]),
        ("Models of iPad Pro , and of iPad Air .", ["Models of iPad Pro, and of iPad Air."]),
        ("Apple Inc.\n\nA real sentence stands here.", ["A real sentence stands here."]),
        ("Das ist gut so. Über alles andere später mehr.", ["Das ist gut so.", "Über alles andere später mehr."]),
        ("", []),
    ],
)
def test_sentences(text, sentences):
    assert texts(text) == sentences


def test_endless_sentences_are_shortened():
    (text,) = texts("word " * 200)
    assert len(text) < 500
    assert text.endswith("word ...")


REPORT = """Table of Contents

iPhone
iPhone net sales grew in the third quarter of the year, which had one more week.
They may grow again.

Mac
Mac net sales fell in the third quarter.

Apple Inc. | Q3 2023 Form 10-Q | 16"""


def test_headings_are_context_and_footers_are_nothing():
    found = excerpts(Passage(4, "q.pdf, page 9", REPORT))
    assert [(e.passage, e.kind, e.context) for e in found] == [(4, "prose", "iPhone")] * 2 + [(4, "prose", "Mac")]
    assert found[2].text == "Mac net sales fell in the third quarter."


GUIDE = """To start a server, do this:

- Install the package first
  with pip.
2. Run it then.

That is all there is."""


def test_list_items_hang_on_their_lead():
    assert excerpts(Passage(1, "a.md", GUIDE)) == [
        Excerpt(1, "prose", "Install the package first with pip.", "To start a server, do this:"),
        Excerpt(1, "prose", "Run it then.", "To start a server, do this:"),
        Excerpt(1, "prose", "That is all there is.", ""),
    ]


def test_code_is_quoted_line_by_line():
    fenced = "Run the tests like so:\n\n```console\nmake test     # all of them\n}\n```\n"
    indented = "Run the tests like so:\n\n    make test     # all of them\n    }\n"
    for text in (fenced, indented):
        assert excerpts(Passage(1, "a.md", text)) == [
            Excerpt(1, "code", "`make test  # all of them`", "Run the tests like so:")
        ]


SEGMENTS = """Net sales by segment were as follows (dollars in millions):
Three Months Ended
July 1, | June 25,
2023 | 2022
Americas | $ 35,383 | $ 37,472

Japan:
Other | 1 | 2

Europe
Europe net sales fell in the quarter."""


def test_tables_in_the_middle_of_prose():
    found = excerpts(Passage(1, "q.pdf", SEGMENTS))
    now, then = "Three Months Ended July 1, 2023", "Three Months Ended June 25, 2022"
    assert [(e.kind, e.text) for e in found] == [
        ("row", f"Americas: $35,383 ({now}), $37,472 ({then}), dollars in millions"),
        ("row", f"Japan, Other: 1 ({now}), 2 ({then}), dollars in millions"),
        ("prose", "Europe net sales fell in the quarter."),
    ]
    assert found[0].context == "Net sales by segment were as follows (dollars in millions):"
    assert found[2].context == "Europe"


def test_a_passage_that_begins_inside_a_table():
    assert texts("Japan:\nNet sales | $ 7,176 | $ 7,724") == ["Japan, Net sales: $7,176, $7,724"]
