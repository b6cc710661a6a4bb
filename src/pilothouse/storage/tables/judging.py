"""What is known of judges. Knows nothing of how it was found out."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["judge_cards"]

# The newest card of a judge on one criterion: `id` is the hash of who that is and of the criterion, `model`, `kind` and
# `options` say who. `low` is the lower bound of `kappa`. `body` is the whole card, JSON.
judge_cards = Table(
    "judge_cards", control,
    key("project_id"),
    key("id"),
    Column("model", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("criterion", Text, nullable=False),
    Column("labelled", Integer, nullable=False),
    Column("kappa", Float),
    Column("low", Float),
    Column("made_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_judge_cards_judge", "project_id", "kind", "options", "model"),
)  # fmt: skip
