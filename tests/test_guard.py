import json
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, Field

from pilothouse import Guard
from pilothouse.errors import Blocked, ConfigError, InvalidRequest
from pilothouse.guard import Guard as Same
from pilothouse.guards.text.words import Words

Ask = Callable[..., Any]


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


GOOD = '{"name": "Ada", "age": 36}'
BAD = '{"name": "Ada", "age": -1}'


def answers(*texts: str) -> tuple[Ask, list[list[dict[str, Any]]]]:
    """A function that answers these, one after the other, and what it was asked."""
    left, heard = [*texts], list[list[dict[str, Any]]]()

    def ask(messages: list[dict[str, Any]], **params: Any) -> str:
        heard.append(messages)
        return left.pop(0)

    return ask, heard


@pytest.fixture
def guard() -> Iterator[Guard[Person]]:
    with Guard.from_pydantic(Person) as guard:
        yield guard


def test_an_answer_comes_as_its_object(guard: Guard[Person]) -> None:
    ask, heard = answers(f"```json\n{GOOD}\n```")
    outcome = guard("Who?", llm_api=ask)
    assert outcome.validated_output == Person(name="Ada", age=36)
    assert (outcome.passed, outcome.error, outcome.reasks, outcome.mended) == (True, None, (), ("extracted",))
    assert "JSON Schema" in heard[0][0]["content"]
    assert heard[0][1] == {"role": "user", "content": "Who?"}


def test_an_answer_that_will_not_do_is_asked_for_again_with_the_exact_errors(guard: Guard[Person]) -> None:
    ask, heard = answers("No idea.", BAD, GOOD)
    outcome = guard(llm_api=ask, model="m", prompt="Who?", num_reasks=2)
    assert outcome.validated_output == Person(name="Ada", age=36)
    assert [one.output for one in outcome.reasks] == ["No idea.", BAD]
    assert outcome.reasks[1].errors == ("/age: expected greater than or equal to 0, but it is -1",)
    last = heard[2]
    assert [one["role"] for one in last] == ["system", "user", "assistant", "user"]
    assert last[2]["content"] == BAD
    assert "/age: expected greater than or equal to 0, but it is -1" in last[3]["content"]


def test_asking_again_ends(guard: Guard[Person]) -> None:
    ask, heard = answers(BAD, BAD, BAD, BAD)
    outcome = guard("Who?", llm_api=ask, num_reasks=2)
    assert len(heard) == 3
    assert (outcome.passed, outcome.validated_output, outcome.raw_output) == (False, None, BAD)
    assert "/age" in (outcome.error or "")
    assert len(outcome.reasks) == 2


async def test_functions_of_many_kinds_are_asked(guard: Guard[Person]) -> None:
    async def later(prompt: str) -> str:
        assert prompt.endswith("Who?")
        return GOOD

    def sdk(*, model: str, messages: Any, response_format: Any = None, temperature: float = 1) -> Any:
        assert (model, temperature) == ("m", 0)
        assert response_format["json_schema"]["name"] == "Person"
        assert messages == [{"role": "user", "content": "Who?"}]
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=GOOD))])

    def raw(**given: Any) -> Any:
        assert given["model"] == "m"
        return {"choices": [{"message": {"content": GOOD}}]}

    for ask in (later, sdk, raw, lambda text: GOOD):
        outcome = await guard.call_async("Who?", llm_api=ask, model="m", temperature=0)
        assert outcome.validated_output == Person(name="Ada", age=36)
    with pytest.raises(InvalidRequest, match="llm_api answered a int"):
        await guard.call_async("Who?", llm_api=lambda text: 7)
    with pytest.raises(InvalidRequest, match="messages"):
        await guard.call_async("Who?", prompt="Who?", llm_api=later)
    with pytest.raises(InvalidRequest, match="llm_api is a function"):
        await guard.call_async("Who?", llm_api=7)


async def test_parts_come_while_the_answer_does_and_the_last_is_validated(guard: Guard[Person]) -> None:
    async def pieces(text: str) -> AsyncIterator[str]:
        for at in range(0, len(GOOD), 4):
            yield GOOD[at : at + 4]

    stream = guard.stream("Who?", llm_api=pieces)
    parts = [part async for part in stream]
    assert [part.name for part in parts][-1] == "Ada"
    assert any(part.name == "Ad" and part.age is None for part in parts)
    assert parts[-1] == Person(name="Ada", age=36)
    assert stream.outcome is not None
    assert stream.outcome.passed


async def test_a_stream_that_will_not_do_begins_anew_or_says_why(guard: Guard[Person]) -> None:
    ask, heard = answers(BAD, GOOD, BAD)
    parts = [part async for part in guard.stream("Who?", llm_api=ask, num_reasks=1)]
    assert parts[-1].age == 36
    assert len(heard) == 2
    stream = guard.stream("Who?", llm_api=ask)
    with pytest.raises(Blocked, match="/age"):
        _ = [part async for part in stream]
    assert stream.outcome is not None
    assert stream.outcome.raw_output == BAD


def test_what_is_there_is_parsed_or_only_validated(guard: Guard[Person]) -> None:
    assert guard.parse("{'name': 'Ada', 'age': '36'}").validated_output == Person(name="Ada", age=36)
    assert not guard.validate("{'name': 'Ada', 'age': 36}").passed
    assert guard.validate(GOOD).passed
    schema = Guard.from_schema({"type": "object", "required": ["a"]})
    assert schema.parse('{"a": [1]').validated_output == {"a": [1]}
    assert 'the key "a"' in (schema.parse("{}").error or "")
    with pytest.raises(InvalidRequest, match="schema"):
        Guard.from_schema({"type": 1})
    schema.close()


def test_other_guards_look_at_what_is_asked_and_answered() -> None:
    guard = Guard.use(Words(words=("acme",)), stage="input").use(Words(words=("bob",), kind="name"), action="redact")
    ask, heard = answers("Bob did it.", "x")
    outcome = guard("Who?", llm_api=ask)
    assert outcome.validated_output == "[name] did it."
    assert outcome.results[0]["findings"][0]["kind"] == "name"
    blocked = guard("Is it ACME?", llm_api=ask)
    assert (blocked.passed, blocked.raw_output, len(heard)) == (False, None, 1)
    assert "Nobody was asked" in (blocked.error or "")
    guard.close()


def test_a_guard_may_ask_again_and_a_redaction_must_keep_the_form(guard: Guard[Person]) -> None:
    again = Guard.use(Words(words=("bob",)), action="retry")
    ask, heard = answers("Bob", "Eve")
    outcome = again("Who?", llm_api=ask)
    assert outcome.validated_output == "Eve"
    assert "Leave out the words" in heard[1][-1]["content"]
    hidden = guard.use(Words(words=("ada",), kind="name"), action="redact").parse(GOOD)
    assert hidden.validated_output == Person(name="[name]", age=36)
    broken = guard.use(Words(words=("36",), kind="age"), action="redact").parse(GOOD)
    assert "With what was found replaced" in (broken.error or "")


def test_a_policy_is_taken_as_the_configuration_writes_it() -> None:
    policy = {"output": [{"use": "length", "at_most": 3, "unit": "characters"}], "input": ["length"]}
    with Guard.from_policy(policy) as guard:
        assert guard.parse("abc").passed
        assert not guard.parse("abcd").passed
        assert guard.check("abcd", "output")["action"] == "block"
    with pytest.raises(ConfigError, match="output"):
        Guard.from_policy({"output": [{"use": "length", "action": "rephrase"}]})
    with pytest.raises(InvalidRequest, match="stage"):
        Guard.use("json_schema", schema={}, stage="input")


def test_the_public_name_is_the_class() -> None:
    assert Guard is Same
    assert json.loads(GOOD)["age"] == 36
