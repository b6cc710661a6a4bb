"""Limits, budgets and policies as the fields of a form, and back."""

from decimal import Decimal

import pytest

from pilothouse.access.shapes import PolicyRules, TenantSettings
from pilothouse.config import Budget, Limits
from pilothouse.console.forms import Fields, expiry, limits_and_budgets, policy, shown, stated, written_time
from pilothouse.errors import InvalidRequest


@pytest.mark.parametrize(
    "budgets",
    [
        [],
        [Budget(period="week", usd=Decimal("0.000000001"))],
        [Budget(period="total", usd=Decimal("1E+3"), tokens=5, alert_at=0.125)],
        [Budget(period="day", usd=Decimal(1)), Budget(period="day", tokens=7), Budget(period="month", tokens=0)],
    ],
)
def test_what_is_shown_comes_back_the_same(budgets: list[Budget]) -> None:
    limits = Limits(requests_per_minute=60, parallel=1)
    fields = shown(limits, budgets)
    sent = {
        "requests_per_minute": [fields.get("requests_per_minute")], "parallel": [fields.get("parallel")],
        **{f"budget_{name}": [row[name] for row in fields.budgets()] for name in ("period", "usd", "tokens", "alert")},
    }  # fmt: skip
    back = stated(TenantSettings, {"name": "x", **limits_and_budgets(Fields(sent))})
    assert back.limits == limits
    assert sorted(back.budgets, key=repr) == sorted(budgets, key=repr)


def test_a_row_for_each_period() -> None:
    rows = shown(Limits(), [Budget(period="total", tokens=1)]).budgets()
    assert [(row["period"], row["tokens"]) for row in rows] == [
        ("day", ""),
        ("week", ""),
        ("month", ""),
        ("total", "1"),
    ]


def test_a_policy_comes_back_the_same() -> None:
    rules = PolicyRules(models=["fast", "openai/*"], endpoints=["/v1/*"], networks=["10.0.0.0/8"], cache=False)
    assert stated(PolicyRules, policy(shown(Limits(), (), rules))) == rules


def test_an_expiry_that_was_left_alone_keeps_its_microseconds() -> None:
    moment = 1_900_000_000_123_456
    assert expiry(Fields({"expires": [written_time(moment)]}), moment) == moment
    assert expiry(Fields({"expires": [written_time(moment)]})) == 1_900_000_000_000_000
    assert expiry(Fields({"expires": ["2030-03-17T19:46:40+02:00"]})) == 1_900_000_000_000_000
    assert expiry(Fields({"expires": [" "]}), moment) is None


def test_every_problem_is_named_with_its_field() -> None:
    given = {"name": "", "limits": {"parallel": "0"}, "budgets": [{"period": "day"}]}
    with pytest.raises(InvalidRequest) as caught:
        stated(TenantSettings, given)
    lines = caught.value.message.splitlines()
    assert [line.split(":")[0] for line in lines] == ["name", "limits parallel", "budgets 1"]


@pytest.mark.parametrize("alert", ["nan", "-1", "101", "inf", "x"])
def test_an_alert_that_is_no_share(alert: str) -> None:
    fields = {"budget_period": ["day"], "budget_usd": ["1"], "budget_tokens": [""], "budget_alert": [alert]}
    with pytest.raises(InvalidRequest):
        stated(TenantSettings, {"name": "x", **limits_and_budgets(Fields(fields))})
