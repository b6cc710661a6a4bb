"""Lakera Guard's wire format, `/v2/guard`: a last message with one word is an attack, one with an address of mail holds
personal data.

Written from https://docs.lakera.ai/docs/api/guard. Refuses what the format does not allow.
"""

import re

from pilothouse.testing.judging import HARMFUL
from pilothouse.testing.server import WireServer
from pilothouse.testing.wire import Answer, Fault, Heard, Received, Refusal, Turn
from pilothouse.types import Json

__all__ = ["LakeraServer"]

_FAILURES = {"rate_limit": 429, "auth": 401, "bad_request": 400, "server_error": 500, "overloaded": 503}
_EMAIL = re.compile(r"[\w.]{1,64}@[\w.]{1,64}")
_ROLES = ("system", "user", "assistant", "tool", "developer")


class LakeraServer(WireServer):
    """Any key will do, none will not."""

    def hear(self, got: Received) -> Heard:
        if got.path != "/v2/guard":
            raise Refusal("not found", "unknown_model")
        if not got.headers.get("authorization", "").startswith("Bearer "):
            raise Refusal("Unauthorized", "auth")
        messages = got.body["messages"]
        if not messages or not all(one["role"] in _ROLES and isinstance(one["content"], str) for one in messages):
            raise Refusal("messages: each has a role and a content")
        heard = Heard("guard", str(got.body.get("project_id", "")), inputs=[one["content"] for one in messages])
        heard.turns = [Turn("assistant" if one["role"] == "assistant" else "user", one["content"]) for one in messages]
        return heard

    def whole(self, heard: Heard, answer: Answer) -> Json:
        last, text = len(heard.inputs) - 1, heard.inputs[-1]
        found = {"prompt_attack": HARMFUL in text, "pii/email": bool(_EMAIL.search(text))}
        breakdown = [
            {"project_id": heard.model, "policy_id": "policy-wire", "detector_id": f"detector-{kind}",
             "detector_type": kind, "detected": detected, "message_id": last}
            for kind, detected in found.items()
        ]  # fmt: skip
        payload = [
            {"start": at.start(), "end": at.end(), "text": at[0], "detector_type": "pii/email", "labels": [],
             "message_id": last}
            for at in _EMAIL.finditer(text)
        ]  # fmt: skip
        return {
            "flagged": any(found.values()),
            "breakdown": breakdown,
            "payload": payload,
            "metadata": {"request_uuid": "wire"},
        }

    def frames(self, heard: Heard, answer: Answer) -> list[bytes]:
        return []

    def failure(self, fault: Fault, message: str, answer: Answer) -> tuple[int, Json]:
        return _FAILURES.get(fault, 400), {"error": {"message": message}}

    def error_frame(self) -> bytes:
        return b""
