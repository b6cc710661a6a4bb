"""Google's Perspective: https://developers.perspectiveapi.com/s/about-the-api-methods. Google ends it on 31 December
2026.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guards.remote.asking import Malformed, Remote, number, objects, sendable
from pilothouse.protocols import Subject
from pilothouse.types import Json

__all__ = ["Perspective"]

_MOST_BYTES = 20_000  # of a comment: Perspective takes 20,480
_MOST_PIECES = 50
_LONGEST = 5_000  # characters of a piece, at four bytes each at most


@dataclass(frozen=True, kw_only=True)
class Perspective(Remote):
    """Triggers where the score of one of `attributes` reaches its threshold. Texts past 20,000 bytes go in pieces, and
    the highest score counts. `languages` are told to Perspective, which else finds them out. It is asked not to keep
    what it is sent. Places are told of ASCII texts alone, since the unit of its offsets is not documented. It costs
    nothing."""

    base_url: str = "https://commentanalyzer.googleapis.com"
    api_key: str = "${PERSPECTIVE_API_KEY}"
    usd_per_request: float | None = 0.0
    attributes: dict[str, float] = field(default_factory=lambda: {"TOXICITY": 0.8})
    languages: tuple[str, ...] = ()
    name: str = "perspective"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.attributes:
            raise self._wrong("attributes", "is empty.")
        for attribute, threshold in self.attributes.items():
            if not 0 < threshold <= 1:
                raise self._wrong(f"attributes.{attribute}", "must be in (0, 1].")

    def _headers(self, key: str) -> dict[str, str]:
        return {"x-goog-api-key": key}

    async def _ask(self, subject: Subject) -> GuardResult:
        pieces = [*_pieces(subject.text)]
        if len(pieces) > _MOST_PIECES:
            return GuardResult.failed(self.name, f"The text takes {len(pieces)} requests; {_MOST_PIECES} are made.")
        top, found = dict[str, float](), list[Finding]()
        for start, text in pieces:
            if text.strip():
                told = await self._service.post("/v1alpha1/comments:analyze", self._body(text))
                for attribute, threshold in self.attributes.items():
                    score, places = _read(told, attribute)
                    top[attribute] = max(score, top.get(attribute, 0.0))
                    found += [
                        Finding(attribute.lower(), start + begin, start + end, score=at)
                        for begin, end, at in places
                        if at >= threshold and subject.text.isascii() and 0 <= begin < end <= len(text)
                    ]
        cost = None if self.cost_nano is None else self.cost_nano * len(pieces)
        over = [attribute for attribute, score in top.items() if score >= self.attributes[attribute]]
        if not over:
            return GuardResult.passed(self.name, score=max(top.values()), detail=top, cost_nano=cost)
        return GuardResult.triggered(
            self.name, f"Perspective finds {', '.join(over)}.", score=max(top[one] for one in over),
            findings=tuple(found), detail=top, cost_nano=cost,
        )  # fmt: skip

    def _body(self, text: str) -> Json:
        body: Json = {
            "comment": {"text": text, "type": "PLAIN_TEXT"}, "doNotStore": True, "spanAnnotations": True,
            "requestedAttributes": {attribute: {} for attribute in self.attributes},
        }  # fmt: skip
        return {**body, "languages": [*self.languages]} if self.languages else body


def _read(told: Json, attribute: str) -> tuple[float, list[tuple[int, int, float]]]:
    """The summary score, and (begin, end, score) of the stretches."""
    scores: Any = told.get("attributeScores")
    one = scores.get(attribute) if isinstance(scores, dict) else None
    if not isinstance(one, dict) or not isinstance(one.get("summaryScore"), dict):
        raise Malformed
    places = []
    for span in objects(one.get("spanScores") or []):
        begin, end, score = span.get("begin", 0), span.get("end"), span.get("score")
        if not isinstance(begin, int) or not isinstance(end, int) or not isinstance(score, dict):
            raise Malformed
        places.append((begin, end, number(score.get("value"))))
    return number(one["summaryScore"].get("value")), places


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Where each begins, and what may be sent of it: cut at white space where there is some."""
    if len(text) <= _LONGEST or (text.isascii() and len(text) <= _MOST_BYTES):
        yield 0, sendable(text)
        return
    most, start = (_MOST_BYTES if text.isascii() else _LONGEST), 0
    while start < len(text):
        end = start + most
        if end < len(text):
            end = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end)) + 1 or end
        yield start, sendable(text[start:end])
        start = end
