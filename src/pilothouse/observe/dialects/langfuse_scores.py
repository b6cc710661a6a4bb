"""Scores in Langfuse's words, in both directions."""

from typing import Any

from pilothouse.errors import InvalidRequest
from pilothouse.ids import new_id
from pilothouse.observe.dialects.langfuse_events import camel
from pilothouse.observe.dialects.langfuse_ids import iso, span_id_of, trace_id_of
from pilothouse.observe.dialects.values import structured, when_us
from pilothouse.observe.scores import LARGEST, LATEST_US, Score
from pilothouse.types import Json

__all__ = ["EXPERIMENT", "SCORE_FIELDS", "score_of", "score_to_json"]

SCORE_FIELDS = ("details", "subject", "annotation")
"""Groups of fields that are in an answer only if they are asked for."""

EXPERIMENT = "langfuse-experiment:"
"""With the id of an experiment (a dataset run), what stands for the session of a score that judges it as a whole."""

_KINDS = {"NUMERIC", "BOOLEAN", "CATEGORICAL", "TEXT", "CORRECTION"}
_LONGEST, _LONGEST_TEXT = 200, 10_000
_NOT_METADATA = ("langfuse.environment", "langfuse.config_id", "langfuse.queue_id", "langfuse.source")


def score_of(given: Any, author: str | None, at_us: int | None = None) -> Score:
    """The score. Raises InvalidRequest where it judges nothing, or says nothing."""
    if not isinstance(given, dict):
        raise InvalidRequest("A score must be an object.")
    body = camel(given)
    name, trace = _text(body, "name", _LONGEST), _text(body, "traceId", _LONGEST)
    session, observation = _text(body, "sessionId", _LONGEST), _text(body, "observationId", _LONGEST)
    experiment = _text(body, "datasetRunId", _LONGEST)
    if trace is None and session is None and experiment is not None:
        session = EXPERIMENT + experiment
    if name is None:
        raise InvalidRequest("A score needs a `name`.", param="name")
    if trace is None and session is None:
        raise InvalidRequest("Name what is judged: `traceId`, `sessionId` or `datasetRunId`.", param="traceId")
    kind, value, label = _value(body)
    about = {"environment": body.get("environment"), "config_id": body.get("configId"), "queue_id": body.get("queueId")}
    about["source"] = None if body.get("source") in (None, "API") else body["source"]
    metadata = structured(body.get("metadata"))
    kept = metadata if isinstance(metadata, dict) else {} if metadata is None else {"value": metadata}
    return Score(
        id=_text(body, "id", _LONGEST) or new_id(), trace_id=trace and trace_id_of(trace),
        span_id=observation and span_id_of(observation), session_id=session, name=name, kind=kind, value=value,
        label=label, comment=_text(body, "comment", _LONGEST_TEXT), source="langfuse", author=author,
        metadata={**kept, **{f"langfuse.{name}": str(v) for name, v in about.items() if v is not None}},
        at_us=_when(body) or at_us or 0,
    )  # fmt: skip


def score_to_json(score: Score, project: str, updated_us: int, groups: frozenset[str]) -> Json:
    """A score as `/v3/scores` gives it."""
    about = score.metadata.get
    made: Json = {
        "id": score.id, "projectId": project, "name": score.name, "dataType": score.kind.upper(),
        "value": bool(score.value) if score.kind == "boolean" else score.value if score.label is None else score.label,
        "source": _source(score), "timestamp": iso(score.at_us), "createdAt": iso(score.at_us),
        "updatedAt": iso(updated_us), "environment": about("langfuse.environment") or "default",
    }  # fmt: skip
    if "details" in groups:
        kept = {name: value for name, value in score.metadata.items() if name not in _NOT_METADATA}
        made |= {"comment": score.comment, "configId": about("langfuse.config_id"), "metadata": kept}
    if "subject" in groups:
        made["subject"] = _subject(score)
    if "annotation" in groups:
        made |= {"authorUserId": score.author, "queueId": about("langfuse.queue_id")}
    return made


def _value(body: Json) -> tuple[str, float | None, str | None]:
    """(kind, value, label)"""
    given, stated = body.get("value"), body.get("dataType")
    if stated is not None and (not isinstance(stated, str) or stated not in _KINDS):
        raise InvalidRequest(f"`dataType` must be one of {', '.join(sorted(_KINDS))}.", param="dataType")
    if isinstance(given, str):
        kind = stated or "CATEGORICAL"
        if kind in ("NUMERIC", "BOOLEAN"):
            raise InvalidRequest(f"The `value` of a score of the type {kind} must be a number.", param="value")
        return kind.lower(), None, given[:_LONGEST_TEXT]
    if isinstance(given, bool | int | float) and abs(given) <= LARGEST:
        kind = stated or ("BOOLEAN" if isinstance(given, bool) else "NUMERIC")
        if kind not in ("NUMERIC", "BOOLEAN"):
            raise InvalidRequest(f"The `value` of a score of the type {kind} must be a text.", param="value")
        if kind == "BOOLEAN" and given not in (0, 1):
            raise InvalidRequest("The `value` of a score of the type BOOLEAN must be 0 or 1.", param="value")
        return kind.lower(), float(given), None
    raise InvalidRequest("A score needs a `value`: a number between -2**53 and 2**53, or a text.", param="value")


def _when(body: Json) -> int | None:
    if not body.get("timestamp"):
        return None
    at = when_us(body["timestamp"])
    if at is None or not 0 < at < LATEST_US:
        raise InvalidRequest("`timestamp` is no ISO 8601 time between 1970 and 2255.", param="timestamp")
    return at


def _source(score: Score) -> str:
    if score.source == "evaluator":
        return "EVAL"
    return "ANNOTATION" if score.source == "feedback" else str(score.metadata.get("langfuse.source") or "API")


def _subject(score: Score) -> Json:
    if score.span_id is not None:
        return {"kind": "observation", "id": score.span_id, "traceId": score.trace_id}
    if score.trace_id is not None:
        return {"kind": "trace", "id": score.trace_id}
    session = score.session_id or ""
    of_experiment = session.startswith(EXPERIMENT)
    return {"kind": "experiment" if of_experiment else "session", "id": session.removeprefix(EXPERIMENT)}


def _text(body: Json, name: str, longest: int) -> str | None:
    given = body.get(name)
    if given is None or given == "":
        return None
    if not isinstance(given, str) or len(given) > longest:
        raise InvalidRequest(f"`{name}` must be a text of at most {longest} characters.", param=name)
    return given
