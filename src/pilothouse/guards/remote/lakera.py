"""Lakera Guard: https://docs.lakera.ai/docs/api/guard (v2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guards.remote.asking import Malformed, Remote, objects, sendable
from pilothouse.protocols import Subject
from pilothouse.types import Json

__all__ = ["Lakera"]


@dataclass(frozen=True, kw_only=True)
class Lakera(Remote):
    """Triggers where Lakera flags the text by the policy of `project`, or by its own default. An answer is sent with
    the question before it. Where nothing but personal data was found the places are told, so that they can be redacted.
    Lakera gives no scores and does not tell prices: say `usd_per_request`."""

    base_url: str = "https://api.lakera.ai"
    api_key: str = "${LAKERA_API_KEY}"
    project: str = ""
    name: str = "lakera"

    async def _ask(self, subject: Subject) -> GuardResult:
        messages = [{"role": "user", "content": sendable(subject.text)}]
        if subject.stage == "output":
            asked = [{"role": "user", "content": sendable(subject.conversation.question)}]
            messages = [*(asked if asked[0]["content"].strip() else []), {**messages[0], "role": "assistant"}]
        body: Json = {"messages": messages, "breakdown": True, "payload": True}
        told = await self._service.post("/v2/guard", {**body, "project_id": self.project} if self.project else body)
        flagged = told.get("flagged")
        if not isinstance(flagged, bool):
            raise Malformed
        if not flagged:
            return GuardResult.passed(self.name, cost_nano=self.cost_nano)
        detected = [
            str(one.get("detector_type")) for one in objects(told.get("breakdown") or []) if one.get("detected") is True
        ]
        kinds = [*dict.fromkeys(detected)]
        places = tuple(_places(subject.text, objects(told.get("payload") or []), len(messages) - 1))
        personal = bool(kinds) and all(kind.startswith("pii") for kind in kinds)
        return GuardResult.triggered(
            self.name, f"Lakera flags {', '.join(kinds) or 'the text'}.", findings=places if personal else (),
            detail={"detectors": kinds}, cost_nano=self.cost_nano,
        )  # fmt: skip


def _places(text: str, payload: list[Json], message: int) -> Iterator[Finding]:
    """Where the text itself, the last of the messages, holds what was found. What does not stand there is not told."""
    for one in payload:
        start, end, kind = one.get("start"), one.get("end"), str(one.get("detector_type"))
        if one.get("message_id", message) != message or not isinstance(start, int) or not isinstance(end, int):
            continue
        if 0 <= start < end <= len(text) and one.get("text", text[start:end]) == text[start:end]:
            yield Finding(kind.rpartition("/")[2], start, end)
