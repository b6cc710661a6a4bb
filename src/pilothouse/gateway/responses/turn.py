"""One request to the Responses API on its way: what is sent, what came back so far, and what is to be kept of it.

Says of the answer what the provider was not told: its id here, which response it goes on from, whether it runs in the
background.
Knows nothing of HTTP or of databases.
"""

import re
from dataclasses import dataclass, field

import msgspec

from pilothouse.errors import PilothouseError
from pilothouse.ids import new_id
from pilothouse.storage.responses import StoredResponse
from pilothouse.types import ChatChunk, ChatRequest, Json

__all__ = ["ENDINGS", "Turn", "failed", "response_key"]

ENDINGS = (b"response.completed", b"response.incomplete")
_LIFECYCLE = (b"response.created", b"response.in_progress", b"response.queued", *ENDINGS)
_KEY = re.compile(r"[0-9a-f]{32}")
_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}
"""OpenAI knows few words for a failed response; anything else is a server_error."""


def response_key(request_id: str) -> str:
    """The part that the id of a response shares with those of its items: that of its request, where it is one of ours.

    An answer that comes from a provider or a cache under another id is given this one, so that no two share an id.
    """
    key = request_id.removeprefix("req_")
    return key if _KEY.fullmatch(key) else new_id()


@dataclass(slots=True)
class Turn:
    """`items` are the request's own input, in full; `created` (Unix seconds) is set where the response was shown before
    it was begun; `response` is the response object as it stands, `ending` the
    stream's last event."""

    request: ChatRequest
    items: list[Json]
    id: str
    previous_id: str | None = None
    background: bool = False
    created: int | None = None
    response: Json = field(default_factory=dict)
    events: int = 0
    changed: bool = False
    ending: Json = field(default_factory=dict)

    @property
    def store(self) -> bool:
        return self.request.body.get("store") is not False

    def told(self, chunk: ChatChunk) -> bytes:
        """The data of an event of the stream, with what is to be said of the request."""
        self.events += 1
        if chunk.event not in _LIFECYCLE:
            return chunk.raw
        data = chunk.data
        data["response"] = self._take(data["response"])
        if chunk.event in ENDINGS:
            self.ending = data
        return msgspec.json.encode(data) if self.changed else chunk.raw

    def ended(self, answer: ChatChunk) -> None:
        """Take a whole answer."""
        self._take(answer.data)

    def _take(self, given: Json) -> Json:
        self.response = {**given, "id": self.id}
        if (prompt := self.request.body.get("prompt")) is not None:
            self.response["prompt"] = prompt
        if self.previous_id is not None:
            self.response["previous_response_id"] = self.previous_id
        if self.background:
            self.response["background"] = True
        if self.created is not None:
            self.response["created_at"] = self.created
        self.changed = self.response != given
        return self.response

    def last_event(self) -> bytes:
        """The data of the stream's last event."""
        return msgspec.json.encode({**self.ending, "response": self.response})

    def fail(self, error: PilothouseError) -> bool:
        """Mark the response as failed. False where none has been begun."""
        if self.response:
            self.response = failed(self.response, error)
        return bool(self.response)

    def failed(self, error: PilothouseError, request_id: str) -> bytes:
        """The data of the event `response.failed`."""
        response = failed(self.response, error)
        event = {"type": "response.failed", "response": response, "sequence_number": self.events}
        return msgspec.json.encode(event)

    def unkept(self) -> None:
        """Say that the answer is not kept."""
        self.response["store"] = False
        self.changed = True

    def stored(self) -> StoredResponse:
        """What to keep."""
        return StoredResponse(
            self.id, self.response.get("model") or self.request.model, self.items, self.response,
            self.previous_id,
        )  # fmt: skip


def failed(response: Json, error: PilothouseError) -> Json:
    """The response object after this error."""
    told = {"code": _CODES.get(error.status, "server_error"), "message": error.message}
    return {**response, "status": "failed", "error": told}
