"""Seals what is kept once more, with the newest key: a few rows at a time, beside everything else.

What the newest key sealed already is passed over, so that a rotation which was cut off goes on where it stood. Knows
nothing of what the rows say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, bindparam, func, select, tuple_, update
from sqlalchemy.engine import Engine

from pilothouse.errors import ConfigError
from pilothouse.storage.database import Store, writing
from pilothouse.storage.keyring import Keyring, SealedAway
from pilothouse.storage.tables import (
    approvals,
    dataset_items,
    eval_answers,
    eval_outcomes,
    eval_verdicts,
    payloads,
    question_vectors,
    response_events,
    responses,
    review_corrections,
    review_items,
    topics,
)

__all__ = ["Rotated", "Rotation"]

_AT_ONCE = 500
_PLACES = ((payloads, 3), (responses, 2), (response_events, 2), (question_vectors, 2), (topics, 2))
"""The tables of `observe` with sealed bodies, and how many columns of their primary key a body is bound to."""
_OF_CONTROL = (
    (dataset_items, 2), (eval_outcomes, 3), (eval_verdicts, 3), (eval_answers, 2), (review_items, 2),
    (review_corrections, 2), (approvals, 2),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many bodies were sealed anew, and how many could not be, since no key opens them."""

    sealed: int
    unreadable: int


class Rotation:
    """Of everything in `store`. Raises ConfigError where there is no key."""

    def __init__(self, store: Store) -> None:
        if store.packer.keyring is None:
            raise ConfigError(
                "PILOTHOUSE_PAYLOAD_KEY is not set: there is no key to seal with. `pilothouse payloads key` makes one.",
                param="PILOTHOUSE_PAYLOAD_KEY",
            )
        self._store = store
        self._keyring: Keyring = store.packer.keyring

    def pending(self) -> int:
        """How many bodies the newest key did not seal. Reads all of them."""
        found = 0
        for engine, table, _ in self._tables():
            with engine.connect() as connection:
                found += connection.scalar(select(func.count()).select_from(table).where(self._old(table))) or 0
        return found

    def run(self, told: Callable[[int], object] = lambda done: None) -> Rotated:
        """Seal all of it; `told` hears after each transaction how many more are done."""
        sealed = unreadable = 0
        for engine, table, bound in self._tables():
            for done, failed in self._table(engine, table, bound):
                sealed, unreadable = sealed + done, unreadable + failed
                told(done + failed)
        return Rotated(sealed, unreadable)

    def _tables(self) -> list[tuple[Engine, Table, int]]:
        """Those of each day before the others, the newest last: more may come there."""
        days, observe = self._store.payloads, self._store.observe
        with observe.connect() as connection:
            there = [size.day for size in days.sizes(connection)]
        by_day = [(days.engine(day), days.table(day), 3) for day in there]
        others = [(observe, table, bound) for table, bound in _PLACES]
        return [*by_day, *others, *((self._store.control, table, bound) for table, bound in _OF_CONTROL)]

    def _table(self, engine: Engine, table: Table, bound: int) -> Iterator[tuple[int, int]]:
        keys = list(table.primary_key)
        last: tuple[Any, ...] | None = None
        while True:
            query = select(*keys, table.c.body).where(self._old(table)).order_by(*keys).limit(_AT_ONCE)
            if last is not None:
                query = query.where(tuple_(*keys) > tuple_(*last))
            with engine.connect() as connection:
                rows = [tuple(row) for row in connection.execute(query)]
            if not rows:
                return
            last = rows[-1][:-1]
            yield self._seal(engine, table, bound, rows)

    def _seal(self, engine: Engine, table: Table, bound: int, rows: list[tuple[Any, ...]]) -> tuple[int, int]:
        """A body that was changed or deleted meanwhile stays as it is now."""
        keys, changes = list(table.primary_key), []
        for *key, body in rows:
            try:
                anew = self._keyring.seal(self._store.packer.open(body, *key[:bound]), *key[:bound])
            except SealedAway:
                continue
            names = {f"key_{column.name}": value for column, value in zip(keys, key, strict=True)}
            changes.append({**names, "before": body, "anew": anew})
        this = [column == bindparam(f"key_{column.name}") for column in keys]
        statement = update(table).where(and_(*this, table.c.body == bindparam("before"))).values(body=bindparam("anew"))
        if changes:
            with writing(engine) as connection:
                connection.execute(statement, changes)
        return len(changes), len(rows) - len(changes)

    def _old(self, table: Table) -> Any:
        head = self._keyring.head
        return func.substr(table.c.body, 1, len(head)) != head
