"""Forms as they arrive: cut anywhere, in bounded memory, and refused where they are malformed."""

import random

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.batch.multipart import FormReader, Part

TYPE = 'multipart/form-data; boundary="b0undary"'
CONTENT = b"line\r\n--b0undar\r\n-- b0undary\n\x00\xff--b0undary" + b"x" * 1000


def form(*parts: bytes, end: bytes = b"--b0undary--\r\n") -> bytes:
    return b"".join(b"--b0undary\r\n" + part + b"\r\n" for part in parts) + end


PURPOSE = b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch'
NAMED = 'content-disposition:form-data; name="file"; filename="ü \\"1\\".jsonl"\r\n'.encode()
FILE = NAMED + b"content-type: text/plain\r\n\r\n" + CONTENT
EMPTY = b'Content-Disposition: form-data; name="empty"\r\n\r\n'


def read(raw: bytes, sizes: list[int] | None = None) -> list[tuple[Part, bytes]]:
    reader, at, whole = FormReader(TYPE), 0, dict[Part, bytes]()
    while at < len(raw):
        size = sizes.pop() if sizes else len(raw)
        for part, data in reader.feed(raw[at : at + size]):
            whole[part] = whole.get(part, b"") + data
        at += size
    reader.finish()
    return list(whole.items())


@pytest.mark.parametrize("seed", range(60))
def test_fields_and_files_however_they_are_cut(seed: int) -> None:
    raw = b"a preamble\r\n" * (seed % 2) + form(PURPOSE, FILE, EMPTY) + b"an epilogue" * (seed % 3)
    rng = random.Random(seed)
    longest = (1, 5, 60, 2000)[seed % 4]
    found = read(raw, [rng.randint(1, longest) for _ in range(len(raw))])
    assert [(part.name, part.filename, data) for part, data in found] == [
        ("purpose", None, b"batch"),
        ("file", 'ü "1".jsonl', CONTENT),
        ("empty", None, b""),
    ]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "closing boundary"),
        (b"no boundary at all" * 1000, "closing boundary"),
        (form(PURPOSE, end=b""), "closing boundary"),
        (form(PURPOSE)[:-6], "closing boundary"),
        (form(PURPOSE, end=b"--b0undary then text"), "followed by something else"),
        (form(b"X: " + b"y" * 9000 + b"\r\n\r\n"), "longer than"),
        (b"--b0undary\r\n" + b"y" * 9000, "longer than"),
        (form(b"\r\n\r\nno head"), "no Content-Disposition"),
        (form(b'Content-Disposition: attachment; name="file"\r\n\r\nx'), "no Content-Disposition"),
        (form(b"Content-Disposition: form-data\r\n\r\nx"), "no Content-Disposition"),
        (form(*[PURPOSE] * 65), "more than 64 parts"),
    ],
)
def test_malformed_forms(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read(raw)


@pytest.mark.parametrize(
    "kind",
    [None, "", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; "
     f"boundary={'b' * 71}", "multipart/mixed; boundary=b", 'multipart/form-data; boundary="ü"'],
)  # fmt: skip
def test_content_types_that_are_no_form(kind: str | None) -> None:
    with pytest.raises(InvalidRequest, match="multipart/form-data"):
        FormReader(kind)


def test_memory_is_bounded_by_what_was_not_handed_out() -> None:
    reader = FormReader(TYPE)
    reader.feed(b"--b0undary\r\n" + FILE)
    for _ in range(100):
        reader.feed(b"z" * 100_000)
    assert len(reader._buffer) < 100


def test_nothing_after_the_end_is_kept() -> None:
    reader = FormReader(TYPE)
    reader.feed(form(PURPOSE))
    assert reader.feed(b"epilogue" * 1000) == []
    assert not reader._buffer
