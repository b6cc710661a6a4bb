"""Perspective's wire format, `comments:analyze`: texts with one word are toxic.

Written from https://developers.perspectiveapi.com/s/about-the-api-methods. Refuses what the format does not allow.
"""

from pilothouse.testing.judging import HARMFUL
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal
from pilothouse.types import Json

__all__ = ["PerspectiveServer"]

_FAILURES = {
    "rate_limit": (429, "RESOURCE_EXHAUSTED"), "auth": (403, "PERMISSION_DENIED"),
    "bad_request": (400, "INVALID_ARGUMENT"),
    "server_error": (500, "INTERNAL"), "overloaded": (503, "UNAVAILABLE"),
}  # fmt: skip
_MOST_BYTES = 20_480


class PerspectiveServer(WireServer):
    """Any key will do, in the query or the header; none will not."""

    def hear(self, got: Received) -> Heard:
        if got.path != "/v1alpha1/comments:analyze":
            raise Refusal("not found", "unknown_model")
        if not (got.headers.get("x-goog-api-key") or got.query.get("key")):
            raise Refusal("The request is missing a valid API key.", "auth")
        text = got.body["comment"]["text"]
        if not text.strip() or len(text.encode()) > _MOST_BYTES:
            raise Refusal("Comment must be non-empty and at most 20480 bytes.")
        if not got.body["requestedAttributes"]:
            raise Refusal("requestedAttributes must be non-empty.")
        return Heard("analyze", ",".join(got.body["requestedAttributes"]), inputs=[text])

    def whole(self, heard: Heard, answer: Answer) -> Json:
        text = heard.inputs[0]
        at = text.find(HARMFUL)
        value = 0.0312 if at < 0 else 0.9417
        score = {"value": value, "type": "PROBABILITY"}
        span = {"begin": max(at, 0), "end": len(text) if at < 0 else at + len(HARMFUL), "score": score}
        one = {"spanScores": [span], "summaryScore": score}
        return {"attributeScores": dict.fromkeys(heard.model.split(","), one), "languages": ["en"]}

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        return []

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        status, name = _FAILURES.get(fault, (400, "INVALID_ARGUMENT"))
        return status, {"error": {"code": status, "message": message, "status": name}}

    def error_frame(self) -> bytes:
        return b""
