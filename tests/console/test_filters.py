import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.console.filters import FIELDS, address_of, filters_of, shown, told
from pilothouse.observe import Filters

NOW = 1_760_000_000_123_456
ALL = {
    "text": "a", "model": "b", "status": "error", "since_us": "1", "until_us": "1760000000123456", "endpoint": "/v1/x",
    "key_id": "k", "team_id": "t", "user_id": "u", "session_id": "s", "feature": "f", "environment": "e",
    "release": "r", "error_code": "c", "tag": "g", "slower_us": "1234567", "dearer_nano": "5", "prompt": "p@1",
    "score": "faithfulness", "score_least": "0.25", "score_most": "0.5",
}  # fmt: skip


def test_an_address_says_what_to_filter() -> None:
    assert address_of(ALL) == ALL
    assert filters_of(ALL, NOW) == Filters(
        "b", "error", "a", 1, NOW, "k", "t", "u", "s", "f", "e", "r", "/v1/x", "c", "g", 1234567, 5, "p@1",
        "faithfulness", 0.25, 0.5,
    )  # fmt: skip


def test_a_form_that_was_not_changed_leads_to_the_same_address() -> None:
    assert address_of({**ALL, **shown(ALL)}) == ALL


def test_an_emptied_field_drops_its_filter() -> None:
    assert address_of({**ALL, **dict.fromkeys(FIELDS, "")}) == {n: ALL[n] for n in ("text", "model", "status")}


def test_fields_are_in_units_of_people() -> None:
    sent = {"slower": "1.5", "dearer": "0.0001", "from": "2025-10-09T08:53:20", "to": "2025-10-09T10:53:20+02:00"}
    at = "1760000000000000"
    assert address_of(sent) == {"since_us": at, "until_us": at, "slower_us": "1500", "dearer_nano": "100000"}
    assert shown(address_of(sent))["slower"] == "1.5"
    assert shown(address_of(sent))["dearer"] == "0.0001"


def test_a_period_ends_now() -> None:
    assert filters_of({"period": "1h"}, NOW).since_us == NOW - 3_600_000_000
    assert filters_of({"period": "1h", "since_us": "5"}, NOW).since_us == 5
    assert filters_of({"period": "nonsense"}, NOW) == Filters()


@pytest.mark.parametrize(
    "field", ["slower", "dearer", "from", "to", "score_least", "score_most", "since_us", "slower_us"]
)
@pytest.mark.parametrize(
    "text", ["-1", "nan", "inf", "1e99", "\u00b2", "x", "9" * 60, "9999-12-31T23:59:59-23:00", "0000"]
)
def test_what_is_no_number_filters_nothing_and_breaks_nothing(field: str, text: str) -> None:
    address = address_of({field: text})
    filters_of(address, NOW)
    assert told(address) is not None
    assert address_of({**address, **shown(address)}) == address


@given(st.dictionaries(st.sampled_from([*ALL, *FIELDS]), st.text()))
def test_whatever_stands_in_an_address(query: dict[str, str]) -> None:
    address = address_of(query)
    filters_of(address, NOW)
    told(address)
    assert address_of(address) == address
