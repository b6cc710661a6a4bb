"""Scores of sessions are found by their session."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0009"
down_revision = "observe_0008"
branch_labels = None

_SAID = sa.text("session_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_scores_session", "scores", ["project_id", "session_id", "at_us"], sqlite_where=_SAID, postgresql_where=_SAID
    )


def downgrade() -> None:
    op.drop_index("ix_scores_session", "scores")
