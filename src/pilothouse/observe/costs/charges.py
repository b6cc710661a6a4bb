"""Charges: what a finished or crashed call costs, entered into the ledger and its balances in one transaction.

A charge is entered once, however often it arrives. Knows nothing of spools, nor of what budgets make of the sums.
"""

from collections.abc import Iterable, Sequence
from operator import add

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from pilothouse.call import Progress, Reservation, Span
from pilothouse.ids import content_hash
from pilothouse.storage.statements import among
from pilothouse.storage.tables import ledger

__all__ = [
    "EVERYWHERE", "Amounts", "Charge", "account_name", "amounts_of", "day_of", "enter", "home_of", "of_orphan",
    "of_span",
]  # fmt: skip

EVERYWHERE = "*"
"""The project_id of the balances of accounts that stand above projects."""

_DAY_US = 86_400_000_000
_ABOVE_PROJECTS = ("org:", "deployment:", "evals:")
_MOST_NANO = 10**14  # 100,000 USD for one call: what an absurd provider reports must leave room for sums in 64 bits
_MOST_TOKENS = 2**31 - 1
_AMOUNTS = ("nano", "tokens", "calls", "unpriced")
_LONGEST = 560  # characters of an account: four bytes each still fit into an entry of a Postgres index


Amounts = tuple[int, int, int, int]
"""nano-USD, tokens, calls, and of these the ones without a known price."""


class Charge(msgspec.Struct, frozen=True):
    """One entry of the ledger in the making. `nano` is None where no price is known; `at_us` decides the day."""

    id: str
    project_id: str
    at_us: int
    accounts: Sequence[str]
    nano: int | None
    input_tokens: int
    output_tokens: int
    kind: str = "call"
    estimated: bool = False
    trace_id: str | None = None
    endpoint: str | None = None
    provider: str | None = None
    deployment: str | None = None
    model: str | None = None
    note: str = ""

    @property
    def day(self) -> int:
        return day_of(self.at_us)

    @property
    def amounts(self) -> Amounts:
        return amounts_of(self.kind, self.nano, self.input_tokens + self.output_tokens)


def amounts_of(kind: str, nano: int | None, tokens: int) -> Amounts:
    """What an entry adds to the balances of its accounts."""
    call = kind != "adjustment"
    return nano or 0, tokens, int(call), int(call and nano is None and tokens > 0)


def day_of(at_us: int) -> int:
    """Days since 1970-01-01, UTC."""
    return at_us // _DAY_US


def home_of(account: str, project_id: str) -> str:
    """The project_id under which an account's balances are kept."""
    return EVERYWHERE if account.startswith(_ABOVE_PROJECTS) else project_id


def account_name(account: str) -> str:
    """An account as the ledger can hold it: without NUL, and where it is too long with a hash in place of its end."""
    if "\0" in account:
        account = account.replace("\0", "\ufffd")
    return account if len(account) <= _LONGEST else f"{account[: _LONGEST - 17]}~{content_hash(account)}"


def of_span(span: Span) -> Charge:
    """What a settled call costs. A call that used nothing costs 0, and so does one answered from a cache once its
    providers had failed; one that used something unpriced, None."""
    usage = None if "cache" in span.attributes else span.usage
    nano = span.cost_nano
    if nano is None and span.cost_known:
        nano = 0
    return Charge(
        span.charge_id or "", span.project_id, span.start_us, _named(span.accounts),
        None if nano is None else min(nano, _MOST_NANO),
        min(usage.input_tokens, _MOST_TOKENS) if usage else 0, min(usage.output_tokens, _MOST_TOKENS) if usage else 0,
        estimated=usage is not None and usage.estimated, trace_id=span.trace_id, endpoint=span.endpoint,
        provider=span.provider, deployment=span.deployment, model=span.response_model or span.request_model,
    )  # fmt: skip


def of_orphan(reservation: Reservation, progress: Progress | None, why: str) -> Charge:
    """What a call costs whose end nobody recorded: its recorded output where there is one, else all it reserved.

    `why` begins the entry's note. A reservation knows the sum of tokens alone: it is entered as input.
    """
    r, known = reservation, progress is not None and (progress.nano is not None or reservation.nano is None)
    if progress is not None and known:
        nano, read, written, note = progress.nano, progress.input_tokens, progress.output_tokens, "the recorded output"
    else:
        nano, read, written, note = r.nano, r.tokens, 0, "the reserved bound"
    nano, read, written = nano and min(nano, _MOST_NANO), min(read, _MOST_TOKENS), min(written, _MOST_TOKENS)
    return Charge(
        r.id, r.project_id, r.at_us, _named(r.accounts), nano, read, written, "orphan", True,
        r.trace_id, r.endpoint, r.provider, r.deployment, r.model, f"{why}: charged {note}",
    )  # fmt: skip


def enter(connection: Connection, charges: Iterable[Charge]) -> list[Charge]:
    """Write ledger rows and add to the balances; gives the charges that were new.

    A call that was charged as an orphan and settles after all gets an `adjustment` of the difference.
    """
    wanted = {(charge.project_id, charge.id): charge for charge in charges}
    entered = _insert(connection, list(wanted.values()))
    known = [charge for key, charge in wanted.items() if charge.kind == "call" and key not in entered]
    if known:
        entered |= _insert(connection, _adjustments(connection, known))
    _add(connection, entered.values())
    return list(entered.values())


def _named(accounts: Sequence[str]) -> list[str]:
    return [a if len(a) <= _LONGEST and "\0" not in a else account_name(a) for a in accounts]


def _insert(connection: Connection, charges: Sequence[Charge]) -> dict[tuple[str, str], Charge]:
    """INSERT what is not there yet, and say what that was.

    All of it nearly always; the driver's executemany tells so by the number of rows at half the cost of RETURNING.
    """
    if not charges:
        return {}
    columns = ",".join(f'"{column.name}"' for column in ledger.columns)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ",".join([mark] * len(ledger.columns))
    statement = f"INSERT INTO ledger ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    rows = [_row(charge) for charge in charges]
    with connection.begin_nested() as whole:
        if connection.exec_driver_sql(statement, rows).rowcount == len(rows):
            return {(charge.project_id, charge.id): charge for charge in charges}
        whole.rollback()
    return {
        (charge.project_id, charge.id): charge
        for charge, row in zip(charges, rows, strict=True)
        if connection.exec_driver_sql(statement, row).rowcount == 1
    }


def _adjustments(connection: Connection, charges: Sequence[Charge]) -> list[Charge]:
    """The differences between what calls cost and what was charged for them as orphans."""
    places = among(connection, (ledger.c.project_id, ledger.c.id), [(c.project_id, c.id) for c in charges])
    query = select(ledger).where(places, ledger.c.kind == "orphan")
    charged = {(row.project_id, row.id): row for row in connection.execute(query)}
    found = []
    for charge in charges:
        row = charged.get((charge.project_id, charge.id))
        if row is not None:
            difference = msgspec.structs.replace(
                charge, id=f"{charge.id}+", kind="adjustment", accounts=msgspec.json.decode(row.accounts),
                at_us=row.at_us, nano=(charge.nano or 0) - (row.nano or 0),
                input_tokens=charge.input_tokens - row.input_tokens,
                output_tokens=charge.output_tokens - row.output_tokens,
                note="the call was charged as an orphan, and settled after all: the difference",
            )  # fmt: skip
            found.append(difference)
    return found


def _row(c: Charge) -> tuple[object, ...]:
    """The values of the ledger's columns. NUL, which Postgres cannot hold, becomes U+FFFD."""
    texts = [
        None if text is None else text.replace("\0", "\ufffd")
        for text in (c.trace_id, c.endpoint, c.provider, c.deployment, c.model)
    ]
    accounts = msgspec.json.encode(c.accounts).decode()
    return (
        c.project_id, c.id, c.at_us, c.day, c.kind, accounts, *texts, c.nano, c.input_tokens, c.output_tokens,
        c.estimated, c.note,
    )  # fmt: skip


def _add(connection: Connection, charges: Iterable[Charge]) -> None:
    """Sum first: a batch has many calls of few callers, and touches few balances. In their order, so that no two
    writers deadlock."""
    by_caller: dict[tuple[str, int, tuple[str, ...]], list[int]] = {}
    for charge in charges:
        total = by_caller.setdefault((charge.project_id, charge.day, tuple(charge.accounts)), [0, 0, 0, 0])
        total[:] = map(add, total, charge.amounts)
    sums: dict[tuple[str, str, int], list[int]] = {}
    for (project_id, day, accounts), amounts in by_caller.items():
        for account in accounts:
            total = sums.setdefault((home_of(account, project_id), account, day), [0, 0, 0, 0])
            total[:] = map(add, total, amounts)
    if sums:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        added = ",".join(f"{name} = balances.{name} + excluded.{name}" for name in _AMOUNTS)
        statement = (
            f"INSERT INTO balances (project_id, account, day, {','.join(_AMOUNTS)}, version) "
            f"VALUES ({','.join([mark] * 7)},1) ON CONFLICT "
            f"(project_id, account, day) DO UPDATE SET {added}, version = balances.version + 1"
        )
        rows = [(*place, *total) for place, total in sorted(sums.items())]
        connection.exec_driver_sql(statement, rows)
