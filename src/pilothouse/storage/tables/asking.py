"""What was asked, as vectors, and the topics that are found in them. Knows nothing of how either is made."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["question_vectors", "topic_states", "topics"]

# The question of a trace as a vector, of those traces that are in the sample. `at_us` is when the trace began, `model`
# the fingerprint of the encoder, `topic` the id of the topic that it was last found in; `x` and `y` are its place on
# the map. `body` is what observe.topics.questions makes of the vector, sealed like the bodies of spans.
question_vectors = Table(
    "question_vectors", observe,
    key("project_id"),
    key("trace_id"),
    Column("at_us", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("topic", Text),
    Column("x", Float),
    Column("y", Float),
    Column("body", LargeBinary, nullable=False),
    Index("ix_question_vectors_at", "project_id", "at_us", "trace_id", "topic"),
    Index("ix_question_vectors_topic", "project_id", "topic", "at_us", "trace_id"),
)  # fmt: skip

# `size` counts the questions of the sample, `x` and `y` is where the map names it. `body` is what payloads.Packer makes
# of {"label": ..., "centre": ...}.
topics = Table(
    "topics", observe,
    key("project_id"),
    key("id"),
    Column("size", Integer, nullable=False),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

# How far a project's traces were gone through for questions, when topics were last made of them, and what hinders.
topic_states = Table(
    "topic_states", observe,
    key("project_id"),
    Column("cursor_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),
)  # fmt: skip
