"""Brings a database's tables up to date with the code, with Alembic. Knows the scripts, not the tables.

`migrations/` holds two independent histories, `control_NNNN.py` and `observe_NNNN.py`. Each keeps its place in a
version table of its own, so that both can live in one database. There is no env.py: this module drives Alembic.
"""

from pathlib import Path
from typing import Literal

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from pilothouse.errors import StorageError

__all__ = ["History", "downgrade", "is_current", "upgrade", "version_table"]

History = Literal["control", "observe"]

_SCRIPTS = Path(__file__).parent / "migrations"


def version_table(history: History) -> str:
    return f"{history}_version"


def upgrade(connection: Connection, history: History) -> None:
    """Run the missing revisions. The caller holds the migration lock and a transaction.

    Raises StorageError when the database was written by a newer version of the code.
    """
    scripts = _scripts()
    heads = _context(connection, history).get_current_heads()
    _check_known(scripts, heads, history)
    newest_first = list(scripts.iterate_revisions(f"{history}@head", heads or f"{history}@base"))
    _run(connection, history, [MigrationStep.upgrade_from_script(scripts.revision_map, s) for s in newest_first[::-1]])


def downgrade(connection: Connection, history: History) -> None:
    """Undo every revision: the tables of `history` are gone afterwards, and what they held."""
    scripts = _scripts()
    heads = _context(connection, history).get_current_heads()
    _check_known(scripts, heads, history)
    newest_first = list(scripts.iterate_revisions(heads, f"{history}@base")) if heads else []
    _run(connection, history, [MigrationStep.downgrade_from_script(scripts.revision_map, s) for s in newest_first])


def is_current(connection: Connection, history: History) -> bool:
    """Whether nothing is left to run. Raises StorageError as `upgrade` does."""
    scripts = _scripts()
    heads = _context(connection, history).get_current_heads()
    _check_known(scripts, heads, history)
    head = scripts.get_revision(f"{history}@head")
    return head is not None and heads == (head.revision,)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS), version_locations=[str(_SCRIPTS)])


def _context(connection: Connection, history: History, steps: list[MigrationStep] | None = None) -> MigrationContext:
    opts = {"version_table": version_table(history), "fn": lambda heads, context: steps or []}
    return MigrationContext.configure(connection, opts=opts)


def _run(connection: Connection, history: History, steps: list[MigrationStep]) -> None:
    context = _context(connection, history, steps)
    with Operations.context(context):
        context.run_migrations()


def _check_known(scripts: ScriptDirectory, heads: tuple[str, ...], history: History) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    for head in heads:
        if head not in known:
            raise StorageError(
                f"The {history} database is at revision '{head}', which this version of Pilothouse does not know: "
                "a newer version wrote it. Upgrade Pilothouse, or restore a backup from before."
            )
