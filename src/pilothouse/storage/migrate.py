"""Brings a database's tables up to date with the code, with Alembic. Knows the scripts, not the tables.

There is no env.py: this module drives Alembic directly, on a connection it is given.
"""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from pilothouse.errors import StorageError
from pilothouse.storage.migrations import SCRIPTS, History, version_table

__all__ = ["downgrade", "upgrade"]


def upgrade(connection: Connection, history: History) -> None:
    """Run the missing revisions. The caller holds the migration lock and a transaction.

    Raises StorageError when the database was written by a newer version of the code.
    """
    scripts, heads = _scripts(), _heads(connection, history)
    _check_known(scripts, heads, history)
    newest_first = list(scripts.iterate_revisions(f"{history}@head", heads or f"{history}@base"))
    _run(connection, history, [MigrationStep.upgrade_from_script(scripts.revision_map, s) for s in newest_first[::-1]])


def downgrade(connection: Connection, history: History) -> None:
    """Undo every revision: the tables of `history` are gone afterwards, and what they held."""
    scripts, heads = _scripts(), _heads(connection, history)
    _check_known(scripts, heads, history)
    newest_first = list(scripts.iterate_revisions(heads, f"{history}@base")) if heads else []
    _run(connection, history, [MigrationStep.downgrade_from_script(scripts.revision_map, s) for s in newest_first])


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(SCRIPTS), version_locations=[str(SCRIPTS)])


def _heads(connection: Connection, history: History) -> tuple[str, ...]:
    return MigrationContext.configure(connection, opts={"version_table": version_table(history)}).get_current_heads()


def _run(connection: Connection, history: History, steps: list[MigrationStep]) -> None:
    opts = {"version_table": version_table(history), "fn": lambda heads, context: steps}
    context = MigrationContext.configure(connection, opts=opts)
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
