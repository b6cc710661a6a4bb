import pytest

from pilothouse.guards.remote.openai_moderation import OpenAIModeration
from pilothouse.protocols import Subject
from pilothouse.testing.openai_server import OpenAIServer


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("a harmful thing \ud800", {}, ["harassment", "violence", "illicit/violent"]),
        ("a harmful thing", {"categories": ("violence",)}, ["violence"]),
        ("a harmful thing", {"categories": ("violence",), "thresholds": {"violence": 0.99}}, None),
        ("a kind thing", {"categories": ("violence",), "thresholds": {"violence": 0.0001}}, ["violence"]),
        ("a kind thing", {}, None),
    ],
    ids=["all", "one", "below its threshold", "at its threshold", "none"],
)
async def test_categories_and_thresholds(text: str, options: dict[str, object], found: list[str] | None) -> None:
    async with OpenAIServer() as server:
        guard = OpenAIModeration(base_url=f"{server.url}/v1", **options)  # type: ignore[arg-type]
        result = await guard.check(Subject(text, "input"))
        assert result.detail.get("categories") == found
        assert result.status == ("passed" if found is None else "triggered")
        assert result.cost_nano == 0
        assert server.last.headers["authorization"] == "Bearer secret-of-tests"
        await guard.aclose()
