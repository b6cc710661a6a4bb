"""A step of a trace as an item for a dataset: what went in, what came out, how it was judged.

An item names no user and no session. Knows nothing of datasets: it is a line of JSON that those can read.
"""

from collections.abc import Sequence

import msgspec

from pilothouse.call import Span
from pilothouse.observe.scores import Score
from pilothouse.types import Json

__all__ = ["item_of", "line_of"]

_TOLD = ("name", "kind", "request_model", "deployment", "prompt", "environment", "release")


def item_of(span: Span, scores: Sequence[Score] = ()) -> Json:
    """The item of a span that carries its payload. `output` is what was answered, which need not be right; `scores`
    are those of the span, or of the trace where the span stands for it."""
    about = {name: value for name in _TOLD if (value := getattr(span, name)) is not None}
    return {
        "id": f"{span.trace_id}/{span.id}",
        "input": span.input,
        "output": span.output,
        "scores": [_judged(score) for score in scores],
        "metadata": {"trace_id": span.trace_id, "span_id": span.id, **about, "versions": span.versions},
    }


def line_of(item: Json) -> bytes:
    """The item as a line of JSON Lines."""
    return msgspec.json.encode(item) + b"\n"


def _judged(score: Score) -> Json:
    told = {"name": score.name, "value": score.label if score.value is None else score.value, "source": score.source}
    return told if score.comment is None else {**told, "comment": score.comment}
