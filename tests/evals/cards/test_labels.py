"""Labels of people in files."""

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.evals.cards.labels import HumanLabel, Vote, read_labels, read_votes

LINES = b"""{"case": "a", "label": true}

{"case": 2, "label": 4, "criterion": "clarity", "annotator": "ann", "trial": 1}
{"case": "c", "label": "Second"}
{"case": "d", "label": "odd word"}
"""


def test_json_lines() -> None:
    assert read_labels(LINES, "labels.jsonl") == [
        HumanLabel(case="a", label="pass"),
        HumanLabel(case="2", label=4, criterion="clarity", trial=1, annotator="ann"),
        HumanLabel(case="c", label="loss"), HumanLabel(case="d", label="odd word"),
    ]  # fmt: skip


def test_csv() -> None:
    data = 'case,label,criterion\r\na,4,clarity\r\n"b, c",no,\r\nd,3.5,x\r\n'.encode("utf-8-sig")
    assert read_labels(data, "labels.CSV") == [
        HumanLabel(case="a", label=4, criterion="clarity"), HumanLabel(case="b, c", label="fail"),
        HumanLabel(case="d", label=3.5, criterion="x"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"case": "a"}', "line 1: 'label' is missing. There are: case, label"),
        (b'\n{"case": "a", "label": []}', "line 2: .* is no label"),
        (b'{"case": "a", "label": "inf"}', "is no label"),
        (b'{"case": "a", "label": 1e999}', "line 1"),
        (b'{"case": "a", "label": 1, "trial": "x"}', "no whole number"),
        (b"[1]", "no JSON object"),
        (b"{", "no JSON"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "no JSON"),
    ],
    ids=["none", "list", "infinite", "too large", "trial", "array", "broken", "bytes", "deep"],
)
def test_what_is_no_label_is_said_with_its_line(data: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read_labels(data, "labels.jsonl")


def test_csv_that_is_broken() -> None:
    with pytest.raises(InvalidRequest, match=r"labels\.csv, line"):
        read_labels(b'case,label\na,"b', "labels.csv")


def test_votes() -> None:
    data = b'{"one": "a", "other": "b", "winner": "b"}\n{"one": "a", "other": "b", "winner": "tie"}\n'
    assert read_votes(data, "x") == [Vote(one="a", other="b", winner="b"), Vote(one="a", other="b")]
    assert read_votes(b"one,other,winner\ntie,b,tie\n", "x.csv") == [Vote(one="tie", other="b", winner="tie")]
    for wrong in (b"one,other,winner\na,b,c\n", b"one,other,winner\na,a,a\n"):
        with pytest.raises(InvalidRequest, match="neither of two different names"):
            read_votes(wrong, "x.csv")
