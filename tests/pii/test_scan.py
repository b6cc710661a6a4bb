"""A text that comes in pieces is searched like a whole one, and settled soon."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.pii.claims import Found
from pilothouse.pii.finding import finder, hold_back, scanner
from pilothouse.pii.kinds import KINDS

FIND, SCAN = finder(KINDS), scanner(KINDS)
ENTITIES = [
    "ada.lovelace+x@mail.example.co.uk", "4111 1111 1111 1111", "378282246310005", "DE89 3704 0044 0532 0130 00",
    "gb82west12345698765432", "192.168.10.12", "2001:db8::ff00:42:8329", "00:1A:2b:3c:4D:5e", "+49 (0)30 901820",
    "(212) 555-0123",
    "030/901820", "60-56-85-91", "call me at 699 956 915", "sk-proj-abcDEF123456_7890abcd", "AKIAIOSFODNN7EXAMPLE",
    "Bearer abcdefghijklmnop.qrst", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "password: hunter2!", "my password is hunter22", "postgresql://ada:hunter2@db.example/x", "https://example.com/a?b=c",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAQ==\n-----END RSA PRIVATE KEY-----", "078-05-1120", "AB 12 34 56 C",
    "12345678Z",    "X1234567L", "RSSMRA85T10A562S", "529.982.247-25", "born on 12 March 1985", "DOB: 1985-03-12",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "passport number X1234567",
    "licence plate AB12 CDE", "11010519491231002X", "1 85 05 78 006 084 91", "811218-9876",
]  # fmt: skip
ODDMENTS = [
    "", " ", "\n", ". ", ", ", "(", ")", "-", "+", "1", "12 ", "0", "A", "AB ", "x", "ä", "中文", "@", ":", "://", "a.",
    "the ", "phone ", "token", "key=", "\ud800", "\x00", "🙂", "Call", "May ", "\u0ced", " 91\u0ced",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(ENTITIES) | st.sampled_from(ODDMENTS) | st.text(max_size=6), max_size=12).map("".join)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.lists(st.integers(min_value=0, max_value=10_000), max_size=40))
def test_cut_or_whole_the_same_is_found(text: str, cuts: list[int]) -> None:
    scan, found, told = SCAN(), list[Found](), 0
    for piece in pieces(text, cuts):
        new = scan.feed(piece)
        assert all(one.start >= told for one in new), "what was settled had been let go"
        assert all(one.end <= scan.settled for one in new)
        told = scan.settled
        found += new
    found += scan.end()
    if len(text) >= 6:
        assert found == FIND(text)
    assert scan.settled == len(text)


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_character_by_character_too(text: str) -> None:
    scan = SCAN()
    found = [one for sign in text for one in scan.feed(sign)] + scan.end()
    assert len(text) < 6 or found == FIND(text)


def test_prose_waits_for_its_last_word_alone() -> None:
    scan = SCAN()
    for sign in "The parcel left the house in the morning and nobody knows where it went. " * 10:
        scan.feed(sign)
    scan.feed("Tomor")
    assert scan.settled == 730
    assert hold_back(frozenset(KINDS)) <= 220


def test_what_has_begun_is_held_until_it_is_over() -> None:
    scan = SCAN()
    assert scan.feed("the key sk-proj-abcDEF123456_7890") == []
    assert scan.feed("abcd" * 50) == []
    assert scan.settled == 8
    assert scan.feed(" is mine, and that is all there is to say of it") == [Found("secret", 8, 233)]
