"""The database's history: one script per revision, in two independent lines, `control_NNNN` and `observe_NNNN`.

A revision is named like its file. Each line keeps its place in a version table of its own, so that both can live in one
database. This module tells where a database stands without loading Alembic, which a current one does not need.
"""

from pathlib import Path
from typing import Literal

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

__all__ = ["SCRIPTS", "History", "is_current", "version_table"]

History = Literal["control", "observe"]

SCRIPTS = Path(__file__).parent


def version_table(history: History) -> str:
    """The table that holds the revision of this history."""
    return f"{history}_version"


def is_current(connection: Connection, history: History) -> bool:
    """Whether the newest revision, and no other, was run."""
    table = version_table(history)
    if not inspect(connection).has_table(table):
        return False
    newest = max(path.stem for path in SCRIPTS.glob(f"{history}_*.py"))
    return connection.scalars(text(f"SELECT version_num FROM {table}")).all() == [newest]
