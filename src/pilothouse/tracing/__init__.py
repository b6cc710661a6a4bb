"""Traces the user's own program: spans around its functions and calls of models, sent to where they are kept.

Never raises into that program and never makes it wait; light to import.
"""

from pilothouse.tracing.decorate import observe
from pilothouse.tracing.instrument import instrument
from pilothouse.tracing.propagate import ContextExecutor, continue_trace, propagation_headers, with_context
from pilothouse.tracing.scores import score_current_span, score_current_trace, score_session, score_trace
from pilothouse.tracing.spans import ActiveSpan
from pilothouse.tracing.tracer import (
    Tracer,
    configure,
    flush,
    span,
    trace_context,
    update_current_span,
    update_current_trace,
)

__all__ = [
    "ActiveSpan", "ContextExecutor", "Tracer", "configure", "continue_trace", "flush", "instrument", "observe",
    "propagation_headers", "score_current_span", "score_current_trace", "score_session", "score_trace", "span",
    "trace_context",
    "update_current_span", "update_current_trace", "with_context",
]  # fmt: skip
