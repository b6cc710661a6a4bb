"""OpenAI's moderations: https://platform.openai.com/docs/api-reference/moderations."""

from dataclasses import dataclass, field

from pilothouse.guarded import GuardResult
from pilothouse.guards.remote.asking import Malformed, Remote, number, objects, sendable
from pilothouse.protocols import Subject

__all__ = ["OpenAIModeration"]


@dataclass(frozen=True, kw_only=True)
class OpenAIModeration(Remote):
    """Triggers where a category is flagged, or where its score reaches its own of `thresholds`, which then counts in
    place of the flag. `categories` are those that count, all where it is empty. The endpoint costs nothing."""

    base_url: str = "https://api.openai.com/v1"
    api_key: str = "${OPENAI_API_KEY}"
    usd_per_request: float | None = 0.0
    model: str = "omni-moderation-latest"
    categories: tuple[str, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)
    name: str = "openai_moderation"

    def __post_init__(self) -> None:
        super().__post_init__()
        for category, threshold in self.thresholds.items():
            if not 0 < threshold <= 1:
                raise self._wrong(f"thresholds.{category}", "must be in (0, 1].")

    async def _ask(self, subject: Subject) -> GuardResult:
        body = {"model": self.model, "input": sendable(subject.text)}
        results = objects((await self._service.post("/moderations", body)).get("results"))
        if len(results) != 1:
            raise Malformed
        flags, scores = results[0].get("categories"), results[0].get("category_scores")
        if not isinstance(flags, dict) or not isinstance(scores, dict) or not scores:
            raise Malformed
        counted = {
            name: number(score) for name, score in scores.items() if not self.categories or name in self.categories
        }
        found = [
            name for name, score in counted.items()
            if (score >= self.thresholds[name] if name in self.thresholds else flags.get(name) is True)
        ]  # fmt: skip
        top = max(counted.values(), default=0.0)
        if not found:
            return GuardResult.passed(self.name, score=top, cost_nano=self.cost_nano)
        return GuardResult.triggered(
            self.name, f"OpenAI's moderation finds {', '.join(found)}.", score=max(counted[name] for name in found),
            detail={"categories": found}, cost_nano=self.cost_nano,
        )  # fmt: skip
