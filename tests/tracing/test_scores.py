"""Scores as they are sent: of what runs now, of a trace, of a session."""

import pilothouse
from pilothouse.tracing import score_current_span

from .conftest import Collector


def test_each_names_what_it_judges(collector: Collector) -> None:
    with pilothouse.span("answer"):
        pilothouse.score_current_trace("helpful", 1, comment="thanks")
        score_current_span("tone", 0.25)
    pilothouse.score_trace("t", "language", "English", id="mine")
    pilothouse.score_session("chat-7", "solved", True)
    span = collector.span("answer")
    of_trace, of_span, ended, session = sorted(collector.scores, key=lambda score: score["at_us"])
    assert (of_trace["trace_id"], of_trace["span_id"], of_trace["comment"]) == (span["trace_id"], None, "thanks")
    assert (of_span["trace_id"], of_span["span_id"], of_span["value"]) == (span["trace_id"], span["id"], 0.25)
    assert (ended["id"], ended["trace_id"], ended["kind"], ended["label"]) == ("mine", "t", "categorical", "English")
    assert (session["session_id"], session["trace_id"], session["kind"]) == ("chat-7", None, "boolean")


def test_nothing_runs(collector: Collector) -> None:
    pilothouse.score_current_trace("helpful", 1)
    score_current_span("helpful", 1)
    assert collector.scores == []
