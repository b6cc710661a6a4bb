from pilothouse.guarded import Finding
from pilothouse.guards.remote.perspective import Perspective
from pilothouse.protocols import Subject
from pilothouse.testing.perspective_server import PerspectiveServer


async def test_a_score_at_its_threshold_triggers_with_its_place() -> None:
    async with PerspectiveServer() as server:
        guard = Perspective(base_url=server.url, attributes={"TOXICITY": 0.8, "THREAT": 0.99}, languages=("en",))
        result = await guard.check(Subject("You are harmful.", "input"))
        assert (result.status, result.reason) == ("triggered", "Perspective finds TOXICITY.")
        assert result.findings == (Finding("toxicity", 8, 15, score=0.9417),)
        assert server.last.body["doNotStore"] is True
        assert server.last.headers["x-goog-api-key"] == "secret-of-tests"
        assert "secret" not in server.last.target
        assert (await guard.check(Subject("You are kind.", "input"))).score == 0.0312
        await guard.aclose()


async def test_a_long_text_goes_in_pieces_and_the_highest_score_counts() -> None:
    text = "\U0001f600 words " * 3000 + "harmful"
    async with PerspectiveServer() as server:
        guard = Perspective(base_url=server.url)
        result = await guard.check(Subject(text, "input"))
        assert (result.status, result.score, result.findings) == ("triggered", 0.9417, ())
        assert "".join(one.body["comment"]["text"] for one in server.requests) == text
        assert (await guard.check(Subject("\U0001f600" * 1_000_000, "input"))).status == "failed"
        await guard.aclose()
