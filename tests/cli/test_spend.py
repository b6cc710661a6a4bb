"""`pilothouse spend` over a real store."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pilothouse.call import Span
from pilothouse.cli.context import Context
from pilothouse.cli.spend import spend
from pilothouse.errors import InvalidRequest
from pilothouse.ids import new_id, new_span_id, now_us
from pilothouse.settings import Settings
from pilothouse.types import Usage

from .spooled import Spooled

AT = 1_795_000_000_000_000  # 2026-11-18


def record(spooled: Spooled, nano: int | None, at: int = AT) -> None:
    span = Span(
        id=new_span_id(), trace_id=new_id(), project_id="default", name="chat", kind="llm", start_us=at, end_us=at,
        provider="openai", response_model="gpt-4o", usage=Usage(100, 20), cost_nano=nano, charge_id=new_id(),
        cost_known=nano is not None,
        accounts=["key:abc", "user:default/[b]ada\x1b"],
    )  # fmt: skip
    spooled.record(span)


def run(spooled: Spooled, *arguments: Any) -> Result:
    context = Context(Settings(), lambda settings, **_: spooled)  # type: ignore[arg-type, return-value]
    return CliRunner(env={"COLUMNS": "140"}).invoke(
        spend, [str(argument) for argument in arguments], obj=context, standalone_mode=False
    )  # fmt: skip


DAYS = ("--since", "2026-11-01", "--until", "2026-11-30")


def test_who_spent_most(spooled: Spooled) -> None:
    record(spooled, 1_500_000_000)
    shown = run(spooled, "show", *DAYS)
    assert shown.exit_code == 0, shown.output
    assert "key:abc" in shown.stdout
    assert "user:default/[b]ada\ufffd" in shown.stdout
    assert "$1.5000" in shown.stdout
    rows = json.loads(run(spooled, "show", *DAYS, "--prefix", "user:", "--json").stdout)
    assert [(row["nano"], row["tokens"], row["calls"]) for row in rows] == [(1_500_000_000, 120, 1)]


def test_what_has_no_price_is_unknown_and_not_nothing(spooled: Spooled) -> None:
    record(spooled, None)
    (row, _) = json.loads(run(spooled, "show", *DAYS, "--json").stdout)
    assert (row["account"], row["nano"], row["calls"], row["unpriced"]) == ("key:abc", 0, 1, 1)
    for account in ((), ("key:abc",)):
        shown = run(spooled, "show", *account, *DAYS).stdout
        assert "unknown" in shown
        assert "$0" not in shown
    record(spooled, 1_500_000_000)
    assert "$1.5000" in run(spooled, "show", "key:abc", *DAYS).stdout


def test_one_account_by_day(spooled: Spooled) -> None:
    record(spooled, 5)
    record(spooled, 7, AT + 86_400_000_000)
    rows = json.loads(run(spooled, "show", "key:abc", *DAYS, "--json").stdout)
    assert [(row["day"], row["nano"]) for row in rows] == [("2026-11-18", 5), ("2026-11-19", 7)]
    assert "2026-11-19" in run(spooled, "show", "key:abc", *DAYS).stdout
    assert "Nothing was spent" in run(spooled, "show", "key:none", *DAYS).stdout


def test_the_last_thirty_days_unless_told_otherwise(spooled: Spooled) -> None:
    record(spooled, 5, now_us())
    record(spooled, 7, now_us() - 40 * 86_400_000_000)
    assert [row["nano"] for row in json.loads(run(spooled, "show", "key:abc", "--json").stdout)] == [5]


def test_rebuild(spooled: Spooled) -> None:
    record(spooled, 5)
    assert "1 entries make 2 balances; 0 were corrected" in run(spooled, "rebuild").stdout
    assert json.loads(run(spooled, "rebuild", "--json").stdout) == {"entries": 1, "balances": 2, "corrected": 0}


def test_reconcile(spooled: Spooled, tmp_path: Path) -> None:
    record(spooled, 1_500_000_000)
    bill = tmp_path / "bill.csv"
    bill.write_text("date,model,input_tokens,output_tokens,cost_usd\n2026-11-18,gpt-4o-2024-08-06,100,20,1.5\n")
    agreed = run(spooled, "reconcile", bill, "--month", "2026-11")
    assert agreed.return_value == 0
    assert "The two agree.\n2026-11: ours $1.5000, theirs $1.5000. The ledger has 100.0% of what" in agreed.stdout
    assert "gpt-4o" in run(spooled, "reconcile", bill, "--month", "2026-11", "--all").stdout
    bill.write_text("date,model,input_tokens,output_tokens,cost_usd\n2026-11-18,gpt-4o,100,20,3\n")
    apart = run(spooled, "reconcile", bill, "--month", "2026-11")
    assert apart.return_value == 1
    assert "$3.0000" in apart.stdout
    report = json.loads(run(spooled, "reconcile", bill, "--month", "2026-11", "--json").stdout)
    assert (report["coverage"], report["differences"][0]["their_nano"]) == (0.5, 3_000_000_000)


def test_an_export_that_cannot_be_read(spooled: Spooled, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("a,b\n")
    error = run(spooled, "reconcile", bill, "--month", "2026-11").exception
    assert isinstance(error, InvalidRequest)
    assert "bill.csv" in error.message
