import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.normal.decoding import decoded

_SECRET = "Meet me at the old bridge at 9."
_B64 = base64.b64encode(_SECRET.encode()).decode()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (_B64, "base64"),
        (_B64.rstrip("="), "base64"),
        (f"{_B64[:20]}\r\n{_B64[20:]}", "base64"),
        (f"x{_B64}", "base64"),
        (_SECRET.encode().hex(), "hex"),
        (_SECRET.encode().hex(" "), "hex"),
        (", ".join(f"0x{byte:02x}" for byte in _SECRET.encode()), "hex"),
        ("".join(f"%{byte:02X}" for byte in _SECRET.encode()), "url"),
        ("".join(f"&#{byte};" for byte in _SECRET.encode()), "html"),
        ("".join(f"\\u{byte:04x}" for byte in _SECRET.encode()), "escapes"),
        ("".join(f"\\x{byte:02x}" for byte in _SECRET.encode()), "escapes"),
    ],
)
def test_what_is_encoded_is_read_in_its_place(written: str, name: str) -> None:
    found = decoded(f"See: {written} (thanks)")
    assert found is not None
    made, names = found
    assert names in ((name,), ("base64",))  # a run of hexadecimal digits is read by what reads base64
    assert _SECRET in made.text
    assert made.text.startswith("See: ")
    at = made.text.index(_SECRET)
    assert made.places is not None
    assert made.places.span(at, at + len(_SECRET)) == (5, 5 + len(written))


def test_morse_is_read() -> None:
    found = decoded("... --- ... / -. --- .--")
    assert found is not None
    assert found[0].text == "sos now"


@pytest.mark.parametrize(
    "text",
    ["internationalization and counterrevolutionaries",
     "4f9d0c7be1a2334455667788ffeeddcc", "100% of A&B; x", "... wait -- what", "a_long_snake_case_name_here"],
)  # fmt: skip
def test_what_only_looks_encoded_stays(text: str) -> None:
    assert decoded(text) is None


@given(st.text(max_size=60))
def test_any_text_can_be_tried(text: str) -> None:
    found = decoded(text)
    if found is not None:
        assert len(found[0].text) <= len(text)
