"""Batches in Anthropic's words: the requests of one as lines of an input file, its state, its results. No I/O.

A batch of `/v1/messages` is one and the same in whichever dialect it was made and is looked at; here its id begins with
`msgbatch_` in place of `batch_`. Written from https://platform.claude.com/docs/en/api/creating-message-batches.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.gateway.batch.lines import MOST_ITEMS, is_name
from pilothouse.storage.batches import Batch
from pilothouse.types import Json, names_prompt

__all__ = ["ENDPOINT", "PREFIX", "batch_id", "input_lines", "message_batch", "result_lines", "tally"]

ENDPOINT = "/v1/messages"
PREFIX = "msgbatch_"
_KEPT = 30 * 86_400  # seconds after its end for which the results of a batch are kept
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNASKED = {"batch_expired": "expired", "batch_cancelled": "canceled"}
_CAUSES = {"insufficient_quota": "rate_limit_error"}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TRUNCATED = "Input data was truncated"  # so msgspec says, also of half a surrogate pair near the end
_EARLY = "it ends too early, or in half of an escaped character"

_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct):
    custom_id: str
    params: msgspec.Raw


class _Requests(msgspec.Struct):
    requests: list[_Request]


class _Response(msgspec.Struct):
    status_code: int
    body: msgspec.Raw


class _Error(msgspec.Struct):
    code: str
    message: str


class _Line(msgspec.Struct):
    id: str
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None

    @property
    def number(self) -> int:
        return int(self.id.rpartition("_")[2])


class _Asked(msgspec.Struct):
    custom_id: str


_read_requests = msgspec.json.Decoder(_Requests).decode
_read_params = msgspec.json.Decoder(dict[str, Any]).decode
_read_line = msgspec.json.Decoder(_Line).decode
_read_asked = msgspec.json.Decoder(_Asked).decode


def batch_id(given: str) -> str:
    """The id of the batch in the store. Raises NotFound for what is none of a batch of Messages."""
    if not given.startswith(PREFIX):
        raise NotFound(f"No message batch found with id '{given[:128]}'.")
    return f"batch_{given.removeprefix(PREFIX)}"


def input_lines(raw: bytes) -> list[bytes]:
    """The requests of a body as lines of an input file. Raises InvalidRequest naming the first field that is wrong.

    What is wrong inside a request's `params`, beside its model, is told with its result.
    """
    if not raw.strip():
        raise InvalidRequest("The request body is empty: send a JSON object with 'requests'.")
    try:
        requests = _read_requests(raw).requests
    except _UNREADABLE as error:
        raise InvalidRequest(_told("The request body", error)) from None
    if not 0 < len(requests) <= MOST_ITEMS:
        raise InvalidRequest(f"requests: a batch has from 1 to {MOST_ITEMS} requests.", param="requests")
    seen, lines = set[str](), list[bytes]()
    for at, request in enumerate(requests):
        where = f"requests.{at}"
        if not _CUSTOM_ID.fullmatch(request.custom_id):
            why = "has from 1 to 64 letters, digits, '_' and '-'."
            raise InvalidRequest(f"{where}.custom_id: {why}", param=f"{where}.custom_id")
        if request.custom_id in seen:
            raise InvalidRequest(f"{where}.custom_id: '{request.custom_id}' is used twice.", param=f"{where}.custom_id")
        seen.add(request.custom_id)
        lines.append(_line(request, f"{where}.params"))
    return lines


def _line(request: _Request, where: str) -> bytes:
    """One request as a line; all of its `params` are read, so that nothing in the file is found to be no JSON later."""
    try:
        body = _read_params(request.params)
    except _UNREADABLE as error:
        raise InvalidRequest(_told(where, error), param=where) from None
    if not is_name(body.get("model")) and not names_prompt(body):
        raise InvalidRequest(f"{where}.model: the name of a model is required.", param=f"{where}.model")
    return _encode({"custom_id": request.custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def message_batch(batch: Batch, counts: Counter[str], now_s: float) -> Json:
    """Anthropic's batch object; `counts` are those of a batch that has ended (see `tally`)."""
    identity = PREFIX + batch.id.removeprefix("batch_")
    ended = batch.times.get(batch.status) if batch.finished else None
    archived = ended + _KEPT if ended is not None and ended + _KEPT <= now_s else None
    status = "ended" if batch.finished else "canceling" if batch.status == "cancelling" else "in_progress"
    requests = {kind: counts[kind] for kind in ("succeeded", "errored", "canceled", "expired")}
    return {
        "id": identity, "type": "message_batch", "processing_status": status,
        "request_counts": {"processing": 0 if batch.finished else batch.total, **requests},
        "created_at": _time(batch.created_us // 1_000_000), "expires_at": _time(batch.expires_us // 1_000_000),
        "ended_at": _time(ended), "cancel_initiated_at": _time(batch.times.get("cancelling")),
        "archived_at": _time(archived),
        "results_url": f"{ENDPOINT}/batches/{identity}/results" if batch.finished and archived is None else None,
    }  # fmt: skip


def tally(batch: Batch, failed: Iterable[bytes]) -> Counter[str]:
    """How many requests of a batch that has ended came to what; `failed` are the lines of its error file."""
    counts = Counter({"succeeded": batch.completed, _missing(batch)["type"]: batch.total - batch.completed})
    for line in failed:
        counts[_missing(batch)["type"]] -= 1
        counts[_result(_read_line(line))["type"]] += 1
    return counts


def result_lines(
    batch: Batch, asked: Iterable[bytes], answered: Iterable[bytes], failed: Iterable[bytes]
) -> Iterator[bytes]:
    """The lines of the results, in the order of the requests: from those of the input, the output and the error file.

    A request with neither was not asked. Of an input that is gone, only those with a result are told.
    """
    given = merge(map(_read_line, answered), map(_read_line, failed), key=lambda line: line.number)
    line = next(given, None)
    for number, raw in enumerate(raw for raw in asked if raw.strip()):
        if line is not None and line.number == number:
            yield _told_result(line.custom_id, _result(line))
            line = next(given, None)
        else:
            yield _told_result(_read_asked(raw).custom_id, _missing(batch))
    while line is not None:
        yield _told_result(line.custom_id, _result(line))
        line = next(given, None)


def _told_result(custom_id: str, result: Json) -> bytes:
    return _encode({"custom_id": custom_id, "result": result}) + b"\n"


def _result(line: _Line) -> Json:
    if line.response is not None:
        if line.response.status_code == 200:
            return {"type": "succeeded", "message": line.response.body}
        return {"type": "errored", "error": line.response.body}
    code, message = (line.error.code, line.error.message) if line.error else ("", "")
    if code in _UNASKED:
        return {"type": _UNASKED[code]}
    return _errored(_CAUSES.get(code, "api_error"), message)


def _missing(batch: Batch) -> Json:
    """What came of a request of which nothing is written."""
    if batch.status != "failed":
        return {"type": "canceled"}
    why = batch.errors[0]["message"] if batch.errors else "The batch failed."
    return _errored("invalid_request_error", why)


def _errored(kind: str, message: str) -> Json:
    return {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": message}}}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _told(whole: str, error: Exception) -> str:
    """What is wrong with the JSON of a `whole`, or with a field in it."""
    if isinstance(error, msgspec.ValidationError):
        what, _, path = str(error).partition(" - at `$")
        where = re.sub(r"\[(\w+)\]", r".\1", path.rstrip("`")).lstrip(".")
        return f"{where or whole}: {what}"
    if isinstance(error, UnicodeDecodeError):
        return f"{whole}: a text is not valid UTF-8 ({error.reason})."
    if isinstance(error, RecursionError):
        return f"{whole}: its JSON is nested too deeply."
    what = str(error).removeprefix("JSON is malformed: ")
    return f"{whole}: not valid JSON: {_EARLY if what == _TRUNCATED else what}."
