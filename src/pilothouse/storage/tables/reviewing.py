"""Queues of human review: their items, who sits at which, votes, and corrections. Knows nothing of what is judged."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["review_corrections", "review_items", "review_queues", "review_seats", "review_sources", "review_votes"]

# `settings` is JSON: criteria, instructions, how many annotators, rules. `places` is how many places of items were
# given away; `filled_us` when the rules were last followed, `cursors` (JSON) how far each had come by then.
review_queues = Table(
    "review_queues", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("places", BigInteger, nullable=False),
    Column("cursors", Text, nullable=False),
    Column("filled_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("archived_us", BigInteger),
    Index("uq_review_queues_name", "project_id", "name", unique=True),
)  # fmt: skip

# `source` names what an item is about, once in a queue; the columns after it say the same in parts. `status` is open,
# disputed or done. `body` is what payloads.Packer makes of what annotators see.
review_items = Table(
    "review_items", control,
    key("project_id"),
    key("id"),
    Column("queue_id", Text, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("trace_id", Text),
    Column("span_id", Text),
    Column("run_id", Text),
    Column("other_run_id", Text),
    Column("case_id", Text),
    Column("trial", Integer),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("uq_review_items_source", "project_id", "queue_id", "source", unique=True),
    Index("ix_review_items_place", "project_id", "queue_id", "status", "place"),
)  # fmt: skip

# The traces and users (as observe's `user_hash` names them) that an item came of, so that it goes with them.
review_sources = Table(
    "review_sources", control,
    key("project_id"),
    key("item_id"),
    key("kind"),
    key("value"),
    Index("ix_review_sources_value", "project_id", "kind", "value"),
)  # fmt: skip

# Who has an item, in the role vote or decide: claimed until `until_us`, voted or skipped. `swapped` says that this
# annotator sees the second output as A. `acted_us` is when they voted or skipped, 0 before.
review_seats = Table(
    "review_seats", control,
    key("project_id"),
    key("item_id"),
    key("role"),
    key("annotator"),
    Column("queue_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("swapped", Boolean, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("acted_us", BigInteger, nullable=False),
    Index("ix_review_seats_annotator", "project_id", "queue_id", "annotator", "acted_us"),
)  # fmt: skip

# A vote on one criterion: `value` is 1 to 5, or a (the first output), b or tie. One that was changed or taken back
# stays, with the time in `replaced_us`.
review_votes = Table(
    "review_votes", control,
    key("project_id"),
    key("id"),
    Column("queue_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("criterion", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("replaced_us", BigInteger),
    Index("ix_review_votes_item", "project_id", "item_id"),
    Index("ix_review_votes_queue", "project_id", "queue_id", "annotator"),
)  # fmt: skip

# What an expert would have answered; `body` is sealed as that of items. `dataset_id` and `item_key` say where it went.
review_corrections = Table(
    "review_corrections", control,
    key("project_id"),
    key("id"),
    Column("queue_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("dataset_id", Text),
    Column("item_key", Text),
    Column("at_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_review_corrections_item", "project_id", "item_id"),
    Index("ix_review_corrections_queue", "project_id", "queue_id"),
)  # fmt: skip
