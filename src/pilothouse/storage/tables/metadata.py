"""The two groups of tables, and how their constraints are named. Knows no table."""

from typing import Any

from sqlalchemy import Column, MetaData, Text

__all__ = ["control", "key", "observe"]

_NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

control = MetaData(naming_convention=_NAMES)
observe = MetaData(naming_convention=_NAMES)


def key(name: str) -> Column[Any]:
    """A text column of the primary key."""
    return Column(name, Text, primary_key=True)
