"""Payload blobs: what goes in comes out, smaller; damage is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.storage.payloads import pack, unpack

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(JSON)
def test_round_trip(value: object) -> None:
    assert unpack(pack(value)) == value


def test_a_chat_call_shrinks() -> None:
    body = {"input": {"messages": [{"role": "user", "content": "What does the report say about revenue? " * 20}]}}
    assert len(pack(body)) < 200


@pytest.mark.parametrize("damage", [b"", b"no zstd at all", pack({"a": 1})[:-2]])
def test_damage_is_a_value_error(damage: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(damage)
