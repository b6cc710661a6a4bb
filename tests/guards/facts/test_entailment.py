import asyncio
from collections.abc import AsyncGenerator

import pytest

from pilothouse.call import Call
from pilothouse.errors import ConfigError, ProviderTimeout
from pilothouse.guards.facts.entailment import Entailment
from pilothouse.protocols import Conversation, Models, Subject
from pilothouse.testing.record import new_call
from pilothouse.types import ChatChunk, ChatRequest

from .conftest import PASSAGES

TEXT = "The pump was built in Leeds. It was built in 1988. Napoleon owned the pump."
LABELS = '{"labels": ["supported", "contradicted", "not found"]}'


class Judge:
    """A gateway whose model answers with these, one after the other; an error is raised, None is silence."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers, self.asked = [*answers], list[ChatRequest]()

    async def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        yield ChatChunk(b"", answer or "")


def about(judge: Judge | None, text: str = TEXT) -> Subject:
    models = None if judge is None else Models(make_call=new_call, chat=judge)
    return Subject(text, "output", "assistant", Conversation(question="Where?", passages=PASSAGES, models=models))


async def test_what_the_judge_does_not_find_is_found() -> None:
    judge = Judge(f"Here it is:\n```json\n{LABELS}\n```")
    result = await Entailment(judge="j").check(about(judge))
    assert [(one.kind, TEXT[one.start : one.end]) for one in result.findings] == [
        ("contradicted", "It was built in 1988."), ("ungrounded", "Napoleon owned the pump."),
    ]  # fmt: skip
    assert result.detail == {"claims": 3, "supported": 1, "contradicted": 1, "not found": 1}
    assert len((await Entailment(judge="j", only="contradicted").check(about(Judge(LABELS)))).findings) == 1


async def test_no_text_can_end_its_own_marker() -> None:
    judge = Judge(LABELS, LABELS)
    await Entailment(judge="j").check(about(judge))
    await Entailment(judge="j").check(about(judge, TEXT.replace("owned", "bought")))
    codes = {request.body["messages"][0]["content"].split("the code ")[1].split(" ")[0] for request in judge.asked}
    assert len(codes) == 2
    assert not any(code in text for code in codes for text in (TEXT, *PASSAGES))


@pytest.mark.parametrize(
    ("answers", "status", "asked"),
    [
        (("I think so.", LABELS), "triggered", 2),
        (('{"labels": ["supported"]}', '{"labels": 3}'), "failed", 2),
        (('{"labels": ["supported", "supported", "perhaps"]}', "[" * 100_000), "failed", 2),
        ((ProviderTimeout("It is slow."),), "failed", 1),
        ((None,), "failed", 1),
    ],
    ids=["the second time", "too few", "another word", "away", "silent"],
)
async def test_an_answer_that_cannot_be_read_is_no_pass(
    answers: tuple[str | Exception | None, ...], status: str, asked: int
) -> None:
    judge = Judge(*answers)
    result = await Entailment(judge="j", timeout=0.05 if answers == (None,) else 30).check(about(judge))
    assert (result.status, len(judge.asked)) == (status, asked)


async def test_many_claims_take_several_questions() -> None:
    judge = Judge(*['{"labels": [' + ", ".join(['"supported"'] * count) + "]}" for count in (25, 5)])
    result = await Entailment(judge="j").check(about(judge, "The pump leaks oil. " * 30))
    assert (result.status, len(judge.asked)) == ("passed", 2)


async def test_without_what_it_needs_it_has_not_looked() -> None:
    assert (await Entailment(judge="j").check(about(None))).status == "skipped"
    assert (await Entailment(judge="j").check(Subject(TEXT, "output"))).status == "skipped"
    assert (await Entailment(judge="j").check(about(Judge(), "Yes?"))).status == "passed"
    assert (await Entailment(judge="j").check(about(Judge(), "The pump leaks oil. " * 101))).status == "failed"


@pytest.mark.parametrize("options", [{"judge": " "}, {"judge": "j", "timeout": 0}], ids=["judge", "timeout"])
def test_wrong_options(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"entailment\."):
        Entailment(**options)  # type: ignore[arg-type]
