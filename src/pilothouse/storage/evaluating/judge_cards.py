"""Cards of judges as they are kept: of each judge and criterion the newest. Knows nothing of what a card says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.ids import content_hash, now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.statements import overwrite
from pilothouse.storage.tables.judging import judge_cards
from pilothouse.types import Json

__all__ = ["CardPage", "JudgeCards", "KeptCard", "NewCard"]

MOST_CARDS = 500
_C = judge_cards.c
_NAMES = (
    "project_id", "id", "model", "kind", "options", "criterion", "labelled", "kappa", "low", "made_us", "body",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCard:
    """A card: who it is about, its figures to choose by, and all of it as JSON."""

    model: str
    kind: str
    options: str
    criterion: str
    labelled: int
    kappa: float | None
    low: float | None
    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCard(NewCard):
    """A card that is kept; the next one of the same judge and criterion takes its place, under the same id."""

    id: str
    made_us: int


@dataclass(frozen=True, slots=True)
class CardPage:
    """Cards by id. `next` continues: hand it back as `after`. None at the end."""

    cards: list[KeptCard]
    next: str | None


@dataclass(frozen=True, slots=True)
class JudgeCards:
    """Of a store. Every method blocks on the database. `clock` gives microseconds."""

    store: Store
    clock: Callable[[], int] = now_us

    def put(self, project: str, cards: Sequence[NewCard]) -> list[KeptCard]:
        """Keep cards, each in place of the one before it. Raises InvalidRequest for a name that cannot be kept."""
        made = self.clock()
        kept = []
        for card in cards:
            for what, name in (("criterion", card.criterion), ("model", card.model), ("evaluator", card.kind)):
                if len(name) > 512 or not name.isprintable():
                    raise InvalidRequest(f"The {what} of a card has at most 512 printable characters.", param=what)
            named = content_hash([card.model, card.kind, card.options, card.criterion])
            values = {name: getattr(card, name) for name in NewCard.__dataclass_fields__}
            kept.append(KeptCard(**values, id=named, made_us=made))
        rows = {card.id: (project, *(_value(card, name) for name in _NAMES[1:])) for card in kept}
        with writing(self.store.control) as connection:
            overwrite(connection, judge_cards.name, _NAMES, 2, [*rows.values()])
        return kept

    def list(self, project: str, *, after: str | None = None, limit: int = 50) -> CardPage:
        """Up to `limit` (500 at most) cards, those after the id `after`."""
        limit = max(1, min(MOST_CARDS, limit))
        query = select(judge_cards).where(_C.project_id == project)
        if after is not None:
            query = query.where(_C.id > after.replace("\0", ""))
        with self.store.control.connect() as connection:
            rows = connection.execute(query.order_by(_C.id).limit(limit + 1)).all()
        return CardPage([_card(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None)

    def of(self, project: str, model: str, kind: str, options: str) -> Sequence[KeptCard]:
        """The cards of one judge, by criterion."""
        judge = (_C.kind == kind, _C.options == options, _C.model == model)
        query = select(judge_cards).where(_C.project_id == project, *judge).order_by(_C.criterion)
        with self.store.control.connect() as connection:
            return [_card(row) for row in connection.execute(query)]

    def get(self, project: str, card_id: str) -> KeptCard:
        """The card of this id. Raises NotFound."""
        query = select(judge_cards).where(_C.project_id == project, _C.id == card_id.replace("\0", ""))
        with self.store.control.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no judge card '{card_id[:64]}'.", param="card")
        return _card(row)

    def delete(self, project: str, card_id: str) -> None:
        """Forget a card. Raises NotFound."""
        this = (_C.project_id == project, _C.id == card_id.replace("\0", ""))
        with writing(self.store.control) as connection:
            if connection.execute(delete(judge_cards).where(*this)).rowcount == 0:
                raise NotFound(f"There is no judge card '{card_id[:64]}'.", param="card")


def _value(card: KeptCard, name: str) -> object:
    return msgspec.json.encode(card.body).decode() if name == "body" else getattr(card, name)


def _card(row: Row[Any]) -> KeptCard:
    values = {name: getattr(row, name) for name in _NAMES[1:]}
    return KeptCard(**{**values, "body": msgspec.json.decode(row.body)})
