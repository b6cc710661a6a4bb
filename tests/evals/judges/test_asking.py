"""Questions to a judge: what it is asked for, when it is asked again, and what becomes of all that can go wrong."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.errors import (
    BudgetExceeded,
    ConfigError,
    ContextTooLong,
    Forbidden,
    InvalidRequest,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    StorageError,
    TooManyRequests,
    UnknownModel,
    Unsupported,
)
from pilothouse.evals.judges.asking import Judge, JudgeFailed, Manner, held
from pilothouse.evals.judges.prompt import messages
from pilothouse.evals.judges.reading import whole
from pilothouse.evals.shapes import Verdict
from pilothouse.types import ChatChunk, ChatRequest, Json

from .conftest import HANGING, Scripted, models_of, said

ASKED = messages("Score it.", {"answer": "Tea."}, '{"score": 1 to 5}')


def score(given: Json) -> int:
    return whole(given, "score", 1, 5)


async def ask(chat: Scripted, manner: Manner | None = None, **options: Any) -> Verdict:
    async def work(judge: Judge) -> Verdict:
        reply = await judge.ask(ASKED, score, **options)
        return Verdict.ok("e", reply.value, detail={"logprobs": len(reply.said.logprobs)})

    return await held("e", models_of(chat), manner or Manner(), work)


async def test_a_judge_is_asked_for_json_at_temperature_0() -> None:
    chat = Scripted({"score": 4})
    verdict = await ask(chat)
    assert (verdict.status, verdict.score, verdict.cost_nano) == ("ok", 4.0, 7)
    (request,) = chat.asked
    assert request.body == {
        "model": "wise", "messages": ASKED, "temperature": 0, "response_format": {"type": "json_object"},
    }  # fmt: skip
    assert "JSON" in ASKED[0]["content"], "OpenAI refuses response_format where the messages do not name it"
    call, root = chat.calls[0], chat.recorder.spans[-1]
    assert (root.kind, root.name, root.attributes["score"]) == ("evaluator", "evaluate e", 4.0)
    assert call.parent_id == root.id
    assert call.trace_id == root.trace_id == verdict.trace_id
    assert call.depth == 0, "the caller's limits and policies hold"
    assert not call.degradable


async def test_a_useless_answer_is_asked_about_again_with_what_was_wrong() -> None:
    chat = Scripted("It is a good answer.", {"score": 9}, '```json\n{"score": 3}\n```')
    verdict = await ask(chat)
    assert (verdict.score, verdict.cost_nano, verdict.detail["reasked"]) == (3.0, 21, 2)
    first, second, third = (request.messages for request in chat.asked)
    assert second[:2] == third[:2] == first
    assert second[2] == {"role": "assistant", "content": "It is a good answer."}
    assert "there is no JSON object in it" in second[3]["content"]
    assert '"score" must be a number from 1 to 5, not 9' in third[3]["content"]


async def test_what_the_gateway_notes_on_one_question_is_not_the_next_ones() -> None:
    class Noting(Scripted):
        async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
            assert (call.headers, call.embedding, call.hardness) == ([], None, None)
            call.headers.append(("x-ratelimit-remaining-requests", "1"))
            call.embedding = call.hardness = 0.5
            async for chunk in super().__call__(request, call):
                yield chunk

    assert (await ask(Noting("prose", {"score": 3}))).score == 3.0


@pytest.mark.parametrize(
    "answer",
    ["", None, "9", '{"score": NaN}', '{"score": true}', b"no JSON", b"{}", b'{"choices": [7]}', b'{"choices": []}',
     b'{"choices": [{"message": {"content": [{"text": 5}]}}]}', said("{", finish_reason="length"),
     "I cannot say. " * 5000],
    ids=range(12),
)  # fmt: skip
async def test_what_stays_useless_has_failed_and_is_no_score(answer: Any) -> None:
    chat = Scripted(answer)
    verdict = await ask(chat, Manner(retries=1))
    assert (verdict.status, verdict.score, verdict.passed) == ("failed", None, None)
    assert (len(chat.asked), verdict.cost_nano) == (2, 14)
    assert "gave no usable answer in 2 attempts" in verdict.explanation
    assert len(verdict.explanation) < 500
    assert all(len(str(message["content"])) <= 5000 for message in chat.asked[1].messages)
    assert chat.recorder.spans[-1].status == "error"


@pytest.mark.parametrize(
    "answer", [said(None, message={"refusal": "I will not."}), said("", finish_reason="content_filter")], ids=range(2)
)
async def test_a_refusal_is_not_argued_with(answer: bytes) -> None:
    chat = Scripted(answer)
    verdict = await ask(chat)
    assert verdict.status == "failed"
    assert "refused to judge" in verdict.explanation
    assert (len(chat.asked), verdict.cost_nano) == (1, 7)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(ProviderTimeout("late"), True), (ProviderUnavailable("down"), True), (TooManyRequests("slow down"), True),
     (ContextTooLong("too long"), False), (ProviderRejected("bad"), False), (InvalidRequest("odd"), False)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
async def test_what_goes_wrong_on_the_way_has_failed(error: Exception, retryable: bool) -> None:
    chat = Scripted({"score": "?"}, error)
    verdict = await ask(chat)
    assert (verdict.status, verdict.detail["retryable"]) == ("failed", retryable)
    assert str(error) in verdict.explanation
    assert verdict.cost_nano == 7, "the first answer was paid for"


@pytest.mark.parametrize(
    "error",
    [BudgetExceeded("spent"), UnknownModel("none"), Forbidden("no"), ConfigError("wrong"), StorageError("away")],
    ids=lambda error: type(error).__name__,
)
async def test_what_spoils_every_case_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        await ask(Scripted(error))


async def test_a_judge_that_does_not_answer_in_time_has_failed() -> None:
    chat = Scripted(HANGING)
    verdict = await ask(chat, Manner(timeout=0.01))
    assert (verdict.status, len(chat.asked)) == ("failed", 1)
    assert "did not answer within 0.01 seconds" in verdict.explanation
    assert chat.recorder.spans[0].status == "cancelled"


async def test_the_time_of_the_whole_call_bounds_each_question() -> None:
    chat = Scripted(HANGING)
    models = replace(models_of(chat), make_call=lambda: Call(recorder=chat.recorder, deadline=0.0))

    async def work(judge: Judge) -> Verdict:
        return Verdict.ok("e", (await judge.ask(ASKED, score)).value)

    assert "within 0 seconds" in (await held("e", models, Manner(), work)).explanation


async def test_fields_that_a_model_refuses_are_left_out_from_then_on() -> None:
    refusals = [
        ProviderRejected("Unsupported parameter: 'response_format' is not supported."),
        Unsupported("Vendor has no 'logprobs': leave it out.", param="logprobs"),
        ProviderRejected("This value is not allowed.", param="temperature"),
    ]
    chat, manner = Scripted(*refusals, {"score": 2}), Manner()
    verdict = await ask(chat, manner, logprobs=True)
    assert (verdict.score, len(chat.asked)) == (2.0, 4)
    assert chat.asked[0].body["top_logprobs"] == 20
    assert verdict.detail["without"] == ["logprobs", "response_format", "temperature"]
    await ask(chat, manner, logprobs=True)
    assert set(chat.asked[4].body) == {"model", "messages"}


async def test_a_request_that_is_refused_anyway_teaches_nothing() -> None:
    named = ProviderRejected("Bad: temperature")
    chat, manner = Scripted(named, ProviderRejected("Bad: something else")), Manner()
    assert (await ask(chat, manner)).status == "failed"
    assert manner.left_out == {"wise": set()}


async def test_an_unknown_price_makes_the_cost_unknown() -> None:
    assert (await ask(Scripted({"score": 2}, nano=None))).cost_nano is None


async def test_shadow_traffic_is_not_the_judges_cost() -> None:
    chat = Scripted({"score": 2})

    async def work(judge: Judge) -> Verdict:
        await judge.ask(ASKED, score)
        shadow = judge.call.start("shadow", "llm")
        shadow.attributes["shadow"], shadow.cost_nano = True, 1000
        judge.call.finish(shadow)
        return Verdict.ok("e", 1.0)

    assert (await held("e", models_of(chat), Manner(), work)).cost_nano == 7


async def test_log_probabilities_and_places_are_read_where_they_have_the_documented_shape() -> None:
    tokens = [{"token": "4", "logprob": -0.1, "top_logprobs": []}]
    for logprobs, count in [({"content": tokens}, 1), ({"content": None}, 0), ({"tokens": ["4"]}, 0), ([], 0)]:
        assert (await ask(Scripted(said({"score": 4}, logprobs=logprobs)))).detail["logprobs"] == count

    async def work(judge: Judge) -> Verdict:
        told = await judge.say([{"role": "user", "content": "Tea?"}], "rag:docs")
        return Verdict.ok("e", 1.0, detail={"sources": list(told.sources)})

    for citations, sources in [('[{"place": "a.md, Tea"}]', ["a.md, Tea"]), ('["https://x"]', []), ("7", [])]:
        raw = f'{{"choices": [], "citations": {citations}}}'.encode()
        assert (await held("e", models_of(Scripted(raw)), Manner(), work)).detail["sources"] == sources


async def test_another_evaluator_may_ask_within_the_same_call() -> None:
    chat = Scripted({"score": 2})

    async def inner(judge: Judge) -> Verdict:
        return Verdict.ok("inner", (await judge.ask(ASKED, score)).value)

    async def outer(judge: Judge) -> Verdict:
        found = [await held("inner", judge.inside(), Manner(), inner) for _ in range(2)]
        assert [verdict.cost_nano for verdict in found] == [7, 7]
        return Verdict.ok("outer", 1.0)

    assert (await held("outer", models_of(chat), Manner(), outer)).cost_nano == 14
    assert len({span.trace_id for span in chat.recorder.spans}) == 1


async def test_an_error_of_the_evaluator_itself_is_not_hidden() -> None:
    async def work(judge: Judge) -> Verdict:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await held("e", models_of(Scripted({})), Manner(), work)
    with pytest.raises(JudgeFailed):
        await Judge(models_of(Scripted("")), Call(recorder=Scripted().recorder), Manner(retries=0)).ask(ASKED, score)
