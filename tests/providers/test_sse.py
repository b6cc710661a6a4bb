from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ProviderProtocolError
from pilothouse.providers.sse import SseReader


def read(*fragments: bytes, limit: int = 1 << 20) -> list[bytes]:
    reader = SseReader(limit)
    return [event for fragment in fragments for event in reader.feed(fragment)] + reader.finish()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b'data: {"a": 1}\n\n', [b'{"a": 1}']),
        (b"data: 1\n\ndata: 2\n\n", [b"1", b"2"]),
        (b"data:no space\n\n", [b"no space"]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
        (b"data\n\n", [b""]),
        (b"data:\ndata\n\n", [b"\n"]),
        (b": comment\n\n: another\ndata: x\n\n", [b"x"]),
        (b"event: ping\ndata: {}\n\ndata: y\n\n", [b"{}", b"y"]),
        (b"event: lonely\n\ndata: z\n\n", [b"z"]),
        (b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", [b"a", b"b", b"c"]),
        (b"retry: 10\nunknown: x\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: bom\n\n\xef\xbb\xbfdata: not one\n\n", [b"bom"]),
        (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", [b"a", b"b"]),
        ("data: Größe 漢字 🙂\n\n".encode(), ["Größe 漢字 🙂".encode()]),
        (b"data: [DONE]", [b"[DONE]"]),
        (b"data: [DONE]\n", [b"[DONE]"]),
        (b"", []),
    ],
)
def test_events(stream: bytes, events: list[bytes]) -> None:
    assert read(stream) == events
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == events


def test_events_come_as_soon_as_they_are_complete() -> None:
    reader = SseReader()
    assert reader.feed(b"data: a") == []
    assert reader.feed(b"\n") == []
    assert reader.feed(b"\nda") == [b"a"]
    assert reader.feed(b"ta: b\r\n\r") == [b"b"]
    assert reader.feed(b"\ndata: c\n\n") == [b"c"]


WORDS = "data: |data:|data|event: e|id: 1|: c|\n|\n\n|\r|\r\n|x| |\ufeff|é漢🙂"
PARTS = st.sampled_from([word.encode() for word in WORDS.split("|")])


@settings(deadline=None)
@given(st.lists(PARTS, max_size=40).map(b"".join), st.lists(st.integers(0, 200), max_size=8))
def test_any_split_gives_the_events_of_the_whole(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    fragments = [stream[a:b] for a, b in pairwise(edges)]
    assert read(*fragments) == read(stream)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_above_the_limit_is_refused(size: int) -> None:
    fine, large = b"data: " + b"x" * 94 + b"\n\n", b"data: " + b"x" * 95 + b"\n\n"
    assert len(read(*(fine[i : i + size] for i in range(0, len(fine), size)), limit=100)) == 1
    with pytest.raises(ProviderProtocolError, match="more than 100 bytes"):
        read(*(large[i : i + size] for i in range(0, len(large), size)), limit=100)


def test_an_endless_event_is_refused_before_it_ends() -> None:
    reader = SseReader(1000)
    assert [reader.feed(b"x" * 100) for _ in range(10)] == [[]] * 10
    with pytest.raises(ProviderProtocolError):
        reader.feed(b"xx")
