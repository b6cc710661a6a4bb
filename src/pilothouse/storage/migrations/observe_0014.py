"""Balances count the calls whose price is not known. Those of calls that are there already are read from the ledger."""

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "observe_0014"
down_revision = "observe_0013"
branch_labels = None

_ABOVE_PROJECTS = ("org:", "deployment:")


def upgrade() -> None:
    op.add_column("balances", sa.Column("unpriced", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    connection = op.get_bind()
    told = connection.execute(
        sa.text(
            "SELECT project_id, accounts, day, count(*) FROM ledger WHERE nano IS NULL AND kind <> 'adjustment' "
            "AND input_tokens + output_tokens > 0 GROUP BY project_id, accounts, day"
        )
    )
    found = Counter[tuple[str, str, int]]()
    for project, accounts, day, calls in told:
        for account in json.loads(accounts):
            found["*" if account.startswith(_ABOVE_PROJECTS) else project, account, day] += calls
    rows = [
        {"project": project, "account": account, "day": day, "calls": calls}
        for (project, account, day), calls in sorted(found.items())
    ]
    if rows:
        place = "project_id = :project AND account = :account AND day = :day"
        connection.execute(sa.text(f"UPDATE balances SET unpriced = :calls WHERE {place}"), rows)


def downgrade() -> None:
    op.drop_column("balances", "unpriced")
