"""The ledger to read: entries, spending by day, and the sums that budgets are made of; and its balances made anew.

Writing is the drainer's (see charges.py). Knows nothing of budgets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import add
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine, Row, case, func, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT, Reservation
from pilothouse.observe.costs.charges import EVERYWHERE, Amounts, account_name, amounts_of, home_of
from pilothouse.observe.costs.reserved import opened
from pilothouse.storage.database import Store, writing
from pilothouse.storage.statements import among
from pilothouse.storage.tables import balances, ledger, upsert

__all__ = ["AccountSpend", "DaySpend", "Entry", "EntryPage", "Ledger", "ModelDay", "Place", "Rebuilt", "Spent"]


_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
_NOTHING: Amounts = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger. `nano` is None where no price is known; `day` counts from 1970-01-01 (UTC)."""

    id: str
    project_id: str
    at_us: int
    day: int
    kind: str
    accounts: list[str]
    trace_id: str | None
    endpoint: str | None
    provider: str | None
    deployment: str | None
    model: str | None
    nano: int | None
    input_tokens: int
    output_tokens: int
    estimated: bool
    note: str


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first. `next` is the `before` of the page after, None at the end."""

    entries: list[Entry]
    next: str | None


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What an account spent on one day (nano-USD, tokens, calls). `unpriced` calls have no known price and are not in
    `nano`."""

    day: int
    nano: int
    tokens: int
    calls: int
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class AccountSpend:
    """What an account spent over some days, told as by DaySpend."""

    account: str
    nano: int
    tokens: int
    calls: int
    unpriced: int = 0


class Place(NamedTuple):
    """An account's balances from day `first` until day `end`, kept under `project_id` (see charges.home_of)."""

    project_id: str
    account: str
    first: int
    end: int


class Spent(NamedTuple):
    """A sum of balances. `version` grows with each change of any of them."""

    nano: int = 0
    tokens: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class ModelDay:
    """What one model cost on one day. `unpriced` calls have no known price and are not in `nano`."""

    day: int
    model: str
    nano: int
    input_tokens: int
    output_tokens: int
    calls: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: ledger rows read, balances they make, and how many of those had been different."""

    entries: int
    balances: int
    corrected: int


class Ledger:
    """Reads what was spent. Sync: from an event loop, call it in a thread."""

    def __init__(self, store: Store) -> None:
        self._engine: Engine = store.observe

    def entries(
        self,
        *,
        project_id: str = DEFAULT_PROJECT,
        account: str | None = None,
        kind: str | None = None,
        since_day: int | None = None,
        until_day: int | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> EntryPage:
        """The newest entries first: those of one account, of one kind, of days from `since_day` until `until_day`.

        Those of one account are looked for on the days on which it has a balance: nobody's are none, without a look.
        """
        before = None if before is None else before.replace("\0", "")
        query = select(ledger).where(ledger.c.project_id == project_id).order_by(ledger.c.id.desc())
        if kind is not None:
            query = query.where(ledger.c.kind == kind)
        if since_day is not None:
            query = query.where(ledger.c.day >= since_day)
        if until_day is not None:
            query = query.where(ledger.c.day < until_day)
        if before is not None:
            query = query.where(ledger.c.id < before)
        with self._engine.connect() as connection:
            if account is None:
                found = [_entry(row) for row in connection.execute(query.limit(limit + 1))]
            else:
                found = []
                days = _days_of(connection, account_name(account), project_id, since_day, until_day)
                query = query.where(ledger.c.accounts.contains(_written(account), autoescape=True))
                for first, end in _stretches(days):
                    if before is None or before > first:
                        there = query.where(ledger.c.id >= first, ledger.c.id < end).limit(limit + 1 - len(found))
                        found += [_entry(row) for row in connection.execute(there)]
                    if len(found) > limit:
                        break
        return EntryPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def spend(self, account: str, since_day: int, until_day: int, project_id: str = DEFAULT_PROJECT) -> list[DaySpend]:
        """What an account spent on each day from `since_day` until `until_day`; days without calls are left out."""
        b, account = balances.c, account_name(account)
        where = (b.project_id == home_of(account, project_id), b.account == account, b.day >= since_day)
        query = select(b.day, b.nano, b.tokens, b.calls, b.unpriced).where(*where, b.day < until_day).order_by(b.day)
        with self._engine.connect() as connection:
            return [DaySpend(*row) for row in connection.execute(query)]

    def accounts(
        self,
        since_day: int,
        until_day: int,
        project_id: str = DEFAULT_PROJECT,
        *,
        prefix: str = "",
        limit: int = 50,
        above: bool = True,
    ) -> list[AccountSpend]:
        """The accounts of a project that spent most in those days, such as all with `prefix` `key:`.

        `above` adds those that stand above projects, with what every project spent of them.
        """
        b = balances.c
        sums = [func.sum(column) for column in (b.nano, b.tokens, b.calls, b.unpriced)]
        query = select(b.account, *sums).where(b.project_id.in_((project_id, EVERYWHERE) if above else (project_id,)))
        query = query.where(
            b.day >= since_day, b.day < until_day, b.account.startswith(account_name(prefix), autoescape=True)
        )
        query = query.group_by(b.account).order_by(sums[0].desc(), b.account).limit(limit)
        with self._engine.connect() as connection:
            return [AccountSpend(row[0], *map(int, row[1:])) for row in connection.execute(query)]

    def spent(self, places: Sequence[Place]) -> list[Spent]:
        """The sums of balances at these places, in their order."""
        by_days: dict[tuple[int, int], set[tuple[str, str]]] = {}
        for place in places:
            by_days.setdefault((place.first, place.end), set()).add((place.project_id, place.account))
        found: dict[Place, Spent] = {}
        with self._engine.connect() as connection:
            for (first, end), wanted in by_days.items():
                found |= _sums(connection, first, end, sorted(wanted))
        return [found.get(place, Spent()) for place in places]

    def entered(self, project_id: str, ids: Sequence[str]) -> set[str]:
        """Those of these charges that have an entry, in this project or, with `*`, in any."""
        with self._engine.connect() as connection:
            projects = _projects(connection) if project_id == EVERYWHERE else (project_id,)
            places = [(project, identifier) for project in projects for identifier in ids]
            query = select(ledger.c.id).where(among(connection, (ledger.c.project_id, ledger.c.id), places))
            return set(connection.scalars(query))

    def open_calls(self, project_id: str | None = None) -> list[Reservation]:
        """The calls whose reservation waits for its settlement, oldest first: running, or lost with their host."""
        with self._engine.connect() as connection:
            return [call.reservation for call in opened(connection, project_id)]

    def rebuild(self) -> Rebuilt:
        """Make every balance anew from the ledger's rows. Budgets see it at their next posting: versions go on."""
        sums: dict[tuple[str, str, int], list[int]] = {}
        entries = 0
        with writing(self._engine) as connection:
            if connection.dialect.name != "sqlite":
                connection.exec_driver_sql("LOCK TABLE ledger, balances IN SHARE ROW EXCLUSIVE MODE")
            for row in connection.execute(select(ledger).execution_options(yield_per=5000)):
                entries += 1
                _sum(sums, row)
            old = {tuple(row[:3]): row for row in connection.execute(select(balances))}
            wrong = [key for key in sums.keys() | old.keys() if _differs(sums.get(key), old.get(key))]
            for key in wrong:
                version = old[key].version + 1 if key in old else 1
                names = ("project_id", "account", "day", "nano", "tokens", "calls", "unpriced", "version")
                values = dict(zip(names, (*key, *sums.get(key, _NOTHING), version), strict=True))
                connection.execute(upsert(connection, balances), values)
        return Rebuilt(entries, len(sums), len(wrong))

    def by_model(self, since_day: int, until_day: int, provider: str | None = None) -> list[ModelDay]:
        """What each model cost on each day, in every project: to hold against a vendor's export."""
        c = ledger.c
        query = select(
            c.day, c.model, func.coalesce(func.sum(c.nano), 0), func.sum(c.input_tokens),
            func.sum(c.output_tokens), func.sum(case((c.kind == "adjustment", 0), else_=1)),
            func.sum(case((c.nano.is_(None), 1), else_=0)),
        )  # fmt: skip
        query = query.where(c.day >= since_day, c.day < until_day).group_by(c.day, c.model)
        if provider is not None:
            query = query.where(c.provider == provider)
        with self._engine.connect() as connection:
            return [ModelDay(row[0], row[1] or "", *map(int, row[2:])) for row in connection.execute(query)]


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    fields = dict(row._mapping)
    return Entry(**{**fields, "accounts": msgspec.json.decode(row.accounts), "estimated": bool(row.estimated)})


def _written(account: str) -> str:
    """An account as it stands in the list of an entry."""
    return msgspec.json.encode(account_name(account)).decode()


def _days_of(
    connection: Connection, account: str, project_id: str, since_day: int | None, until_day: int | None
) -> list[int]:
    """The days on which an account has entries, the latest first."""
    b = balances.c
    query = select(b.day).where(b.project_id == home_of(account, project_id), b.account == account)
    if since_day is not None:
        query = query.where(b.day >= since_day)
    if until_day is not None:
        query = query.where(b.day < until_day)
    return list(connection.scalars(query.order_by(b.day.desc())))


def _stretches(days: Sequence[int]) -> list[tuple[str, str]]:
    """Where the ids of entries of these days lie, from the first until the second, the latest first.

    An id carries the time at which its call was reserved: at most a day after the call began, and an hour before where
    the clock was set meanwhile.
    """
    runs: list[tuple[int, int]] = []
    for day in days:
        if runs and runs[-1][0] <= day + 2:
            runs[-1] = (day, runs[-1][1])
        else:
            runs.append((day, day + 2))
    return [(_id_at(first * _DAY_MS - _HOUR_MS), _id_at(end * _DAY_MS)) for first, end in runs]


def _id_at(milliseconds: int) -> str:
    """Less than every id of that time (see ids.new_id) and greater than those of before."""
    return f"{max(0, milliseconds):012x}"


def _projects(connection: Connection) -> Iterator[str]:
    """The projects that have entries, each found by one step through the primary key."""
    last = ""
    while last := connection.scalar(select(func.min(ledger.c.project_id)).where(ledger.c.project_id > last)) or "":
        yield last


def _sums(connection: Connection, first: int, end: int, accounts: Sequence[tuple[str, str]]) -> dict[Place, Spent]:
    b = balances.c
    query = select(b.project_id, b.account, func.sum(b.nano), func.sum(b.tokens), func.sum(b.version))
    query = query.where(among(connection, (b.project_id, b.account), accounts), b.day >= first, b.day < end)
    rows = connection.execute(query.group_by(b.project_id, b.account))
    return {Place(row[0], row[1], first, end): Spent(*map(int, row[2:])) for row in rows}


def _sum(sums: dict[tuple[str, str, int], list[int]], row: Row[tuple[object, ...]]) -> None:
    for account in msgspec.json.decode(row.accounts):
        total = sums.setdefault((home_of(account, row.project_id), account, row.day), [0, 0, 0, 0])
        total[:] = map(add, total, amounts_of(row.kind, row.nano, row.input_tokens + row.output_tokens))


def _differs(made: list[int] | None, row: Row[tuple[object, ...]] | None) -> bool:
    there = _NOTHING if row is None else (row.nano, row.tokens, row.calls, row.unpriced)
    return tuple(made or _NOTHING) != there
