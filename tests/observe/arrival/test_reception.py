"""What senders may not say, whatever form their spans come in."""

from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe import Prices
from pilothouse.observe.arrival.reception import Reception
from pilothouse.principal import Principal
from pilothouse.types import Usage
from tests.observe.making import full_span

SENDER = Principal("mine", "key-7", "caller", team_id="team")


@pytest.fixture(scope="module")
def reception() -> Reception:
    return Reception(Prices())


def span(**fields: Any) -> Span:
    return full_span(id="cd" * 8, trace_id="ab" * 16, **fields)


def test_whose_it_is_and_what_it_settles(reception: Reception) -> None:
    given = span(charge_id="c", accounts=["key:other"], project_id="other", team_id="other", cost_known=False)
    reception.admit(given, SENDER)
    assert (given.project_id, given.key_id, given.team_id) == ("mine", "key-7", "team")
    assert (given.charge_id, given.accounts, given.cost_known) == (None, [], True)
    assert (given.request_id, given.endpoint, given.deployment, given.manifest_id) == (None,) * 4
    assert given.versions == {}


def test_attributes_that_bill_are_the_gateways_alone(reception: Reception) -> None:
    given = span(attributes={"cache": "hit", "remote_parent_id": "x", "pilothouse.cost.known": False, "caches": 1})
    reception.admit(given, SENDER)
    assert given.attributes == {
        "metadata.cache": "hit", "metadata.remote_parent_id": "x", "metadata.pilothouse.cost.known": False, "caches": 1
    }  # fmt: skip


def test_a_cost_that_was_told_stays_and_others_are_priced(reception: Reception) -> None:
    told, priced, unknown = span(cost_nano=7), span(cost_nano=None), span(cost_nano=None, response_model="no-such")
    unknown.request_model = "nor-this"
    for given in (told, priced, unknown):
        reception.admit(given, SENDER)
    assert told.cost_nano == 7
    assert priced.cost_nano
    assert (unknown.cost_nano, unknown.cost_known) == (None, False)
    step = span(cost_nano=None, kind="chain")
    reception.admit(step, SENDER)
    assert (step.cost_nano, step.cost_known) == (None, True)


def test_what_an_answer_without_usage_cost_is_unknown(reception: Reception) -> None:
    """A stream whose vendor told of no tokens; what failed, or names no model, cost nothing that we know of."""
    nothing: dict[str, Any] = {"usage": None, "cost_nano": None}
    unnamed: dict[str, Any] = {"request_model": None, "response_model": None}
    unknown: list[dict[str, Any]] = [{}, {"status": "cancelled"}]
    for fields in (*unknown, {"status": "error"}, unnamed, {"kind": "agent"}):
        given = span(**nothing, **fields)
        reception.admit(given, SENDER)
        assert given.cost_known is (fields not in unknown), fields


def test_an_end_before_the_start_is_the_start(reception: Reception) -> None:
    given = span(start_us=1_700_000_000_000_000, end_us=1_600_000_000_000_000)
    reception.admit(given, SENDER)
    assert given.duration_us == 0
    assert given.attributes["pilothouse.end_before_start"] is True


def test_texts_are_bounded(reception: Reception) -> None:
    given = span(name="n" * 9999, user_id="u" * 9999)
    reception.admit(given, SENDER)
    assert (len(given.name), len(given.user_id or "")) == (500, 500)
    nameless = span(name="")
    reception.admit(nameless, SENDER)
    assert nameless.name == "unnamed"


@pytest.mark.parametrize(
    "fields",
    [
        {"start_us": 0}, {"start_us": 2**60}, {"end_us": -1}, {"usage": Usage(-1)}, {"usage": Usage(2**60)},
        {"ttft_us": -1}, {"cost_nano": -1}, {"cost_nano": 10**13 + 1},
    ],
)  # fmt: skip
def test_what_no_database_should_hold_is_refused(reception: Reception, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        reception.admit(span(**fields), SENDER)


@pytest.mark.parametrize("name", ["id", "trace_id"])
@pytest.mark.parametrize("value", ["", "zz", "0" * 32, "0" * 16, "AB" * 16])
def test_ids_are_hex(reception: Reception, name: str, value: str) -> None:
    given = span()
    setattr(given, name, value)
    with pytest.raises(InvalidRequest):
        reception.admit(given, SENDER)


def test_what_lists_show_is_bounded_and_a_second_time_changes_nothing(reception: Reception) -> None:
    attributes: dict[str, Any] = {f"n{i}": i for i in range(1000)}
    attributes = {"k" * 999: 1, "long": "x" * 20_000, "many": ["y" * 9_000], "plain": ["a"], **attributes}
    given = span(error_message="m" * 50_000, tags=["t" * 999] * 999, attributes=attributes)
    reception.admit(given, SENDER)
    assert given.error_message is not None
    assert given.error_message.endswith("m… (40000 more)")
    assert (len(given.tags), {len(tag) for tag in given.tags}) == (50, {200})
    kept = given.attributes
    assert (kept["k" * 200], kept["plain"], kept["otel.attributes_dropped"]) == (1, ["a"], 604)
    assert str(kept["long"]).endswith("x… (12000 more)")
    assert len(str(kept["many"])) < 8_100
    again = span(error_message=given.error_message, attributes={"long": kept["long"]})
    reception.admit(again, SENDER)
    assert (again.error_message, again.attributes["long"]) == (given.error_message, kept["long"])
