"""What a form of the console says of a trace, a step or a session, as a score. Knows nothing of pages."""

from pilothouse.console.filters import number
from pilothouse.console.forms import Fields
from pilothouse.errors import InvalidRequest
from pilothouse.ids import content_hash
from pilothouse.observe.scores import Score
from pilothouse.principal import Principal

__all__ = ["judgement"]

_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_COMMENT = 200, 500, 10_000


def judgement(
    form: Fields, by: Principal, *, trace: str | None = None, span: str | None = None, session: str | None = None
) -> Score:
    """A thumb (the score `feedback`), or a name with a number or a label. One person has one voice: the same again
    replaces the former. Raises InvalidRequest."""
    who = by.name or by.key_id
    thumb, comment = form.get("thumb"), form.get("comment")
    name, text = ("feedback", "") if thumb else (form.get("name"), form.get("value"))
    if not thumb and not (name and text):
        raise InvalidRequest("A score needs a name and a value.")
    if thumb not in ("", "up", "down") or len(name) > _LONGEST_NAME or len(comment) > _LONGEST_COMMENT:
        raise InvalidRequest("The name or the comment is too long, or the thumb neither up nor down.")
    value = float(thumb == "up") if thumb else number(text)
    kind = "boolean" if thumb else "categorical" if value is None else "numeric"
    judged = [trace, span] if session is None else ["session", session]
    return Score(
        id=f"co_{content_hash(['console', *judged, name, who])}", trace_id=trace, span_id=span, session_id=session,
        name=name, kind=kind, value=value, label=text[:_LONGEST_LABEL] if value is None else None,
        comment=comment or None, source="console", author=who,
    )  # fmt: skip
