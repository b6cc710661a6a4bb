"""The page of the budgets."""

from decimal import Decimal

from pilothouse.access.shapes import KeySettings, TenantSettings
from pilothouse.call import Span
from pilothouse.config import Budget
from pilothouse.ids import now_us
from pilothouse.types import Usage

from ..site import Gateway

DAY_US = 86_400_000_000


def spend(site: Gateway, account: str, nano: int, days_ago: int = 0, tokens: int = 0) -> None:
    at = now_us() - days_ago * DAY_US
    name = f"{account}-{days_ago}"
    span = Span(
        id=name, trace_id=name, project_id="default", name="chat", kind="llm", start_us=at, end_us=at + 1,
        charge_id=name, accounts=[account], cost_nano=nano, usage=Usage(tokens, 0),
    )  # fmt: skip
    site.platform.recorder.record(span)
    site.platform.drainer.flush()


def key(site: Gateway, name: str, *budgets: Budget) -> str:
    _, principal = site.platform.keys.create(name, "caller", KeySettings(budgets=list(budgets)))
    return f"key:{principal.key_id}"


def titles(page: str) -> list[str]:
    return [part.split("</bdi>")[0] for part in page.split("<bdi>")[1:]]


def test_the_fullest_come_first(site: Gateway) -> None:
    half = key(site, "half", Budget(period="total", usd=Decimal(10)))
    full = key(site, "full", Budget(period="month", usd=Decimal(1)))
    key(site, "unused", Budget(period="day", usd=Decimal(1)))
    spend(site, half, 5_000_000_000)
    spend(site, full, 850_000_000)
    page = site.page("/budgets")
    assert titles(page)[:2] == ["full", "half"]
    assert "unused" in page
    assert "1 past its soft limit" in page
    assert "past 80 %" in page
    assert page.count('class="burn"') == 3  # full, half, and the alias's week
    assert page.count('class="days"') == 2  # the day of `unused`, and the deployment's
    assert "$5.0000 <i>of</i> $10.0000" in page


def test_a_budget_that_is_used_up(site: Gateway) -> None:
    spend(site, key(site, "k", Budget(period="total", tokens=100)), 0, tokens=100)
    page = site.page("/budgets?kind=key")
    assert "used up" in page
    assert "100 tokens <i>of</i> 100 tokens" in page
    assert "for good" in page


def test_filters(site: Gateway) -> None:
    account = key(site, "k", Budget(usd=Decimal(1)))
    assert titles(site.page("/budgets?kind=model")) == ["careful"]
    assert titles(site.page(f"/budgets?account={account}")) == ["k"]
    assert "Nothing found" in site.page("/budgets?kind=org")
    assert "Nothing found" in site.page("/budgets?account=%00")


def test_a_key_is_linked_for_those_who_may_look_at_it(site: Gateway) -> None:
    link = f'href="/console/keys/{key(site, "k", Budget(usd=Decimal(1))).removeprefix("key:")}"'
    assert link in site.page("/budgets")
    site.act_as("viewer")
    assert "k" in titles(site.page("/budgets"))
    assert link not in site.page("/budgets")


def test_what_stands_above_projects_is_shown_to_who_runs_the_installation(site: Gateway) -> None:
    site.platform.tenants.create("organisation", "acme", TenantSettings(name="Acme", budgets=[Budget(tokens=5)]))
    site.platform.tenants.create("project", "shop", TenantSettings(name="Shop", budgets=[Budget(tokens=5)]))
    assert {"Acme", "builtin/echo", "careful"} <= set(titles(site.page("/budgets")))
    assert "Shop" not in site.page("/budgets")
    site.act_as("viewer")
    assert titles(site.page("/budgets")) == ["careful"]


def test_more_than_are_drawn(site: Gateway) -> None:
    for number in range(30):
        key(site, f"key {number:02}", Budget(usd=Decimal(number + 1)))
    page = site.page("/budgets?kind=key")
    assert page.count('class="burn"') == 24
    assert "6 more" in page
    assert len(titles(page)) == 30
