"""A suite over a version of a prompt: what a case's input stands for, and what is asked again when."""

from dataclasses import replace
from typing import Any

import pytest

from pilothouse.cases import Case
from pilothouse.errors import ConfigError, NotFound
from pilothouse.evals.runs.evaluate import Ended, run_suite
from pilothouse.evals.runs.prepare import Given
from pilothouse.evals.runs.prompted import variables_for
from pilothouse.evals.runs.suite import suite_of
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.versions import Version

from .conftest import Bench, P, case, suited

CHAT = {"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}]}


def content(*, model: str | None = "m", **variables: Any) -> Content:
    return content_of({"template": "Answer {{ q }}", "model": model, "variables": variables})


class Shelf:
    """Versions 1 and 2 of `rag`, of which `production` is `self.production`."""

    production = 1

    def get(self, project: str, name: str, *, version: int | None = None, label: str | None = None) -> Version:
        number = version or self.production
        if name != "rag" or number > 2:
            raise NotFound(f"There is no '{name}'.")
        made = content(q={}, lang={"default": "en"}, model="m" if number == 1 else None)
        return Version(project, name, number, made, made.hash, "", "ada", 0)


@pytest.mark.parametrize(
    ("given", "variables", "told"),
    [
        ({"q": "x", "lang": "de"}, {"q": {}, "lang": {}}, {"q": "x", "lang": "de"}),
        ("x", {"q": {}}, {"q": "x"}),
        ("x", {"q": {}, "lang": {"default": "en"}}, {"q": "x"}),
        (7, {"q": {}}, {"q": "7"}),
        (7, {"q": {"type": "integer"}}, {"q": 7}),
        ({"a": 1}, {"q": {"type": "object"}}, {"q": {"a": 1}}),
        (CHAT, {"q": {}}, {"q": "last"}),
        (CHAT, {"q": {"type": "messages"}}, {"q": CHAT["messages"]}),
        (CHAT, {"messages": {"type": "messages"}}, CHAT),
        ({"other": 1}, {"q": {}}, {"other": 1}),
        ("x", {}, {"q": "x"}),
        # What production was asked by the prompt: its variables, not once more what they were made into.
        (
            {**CHAT, "model": "m", "made_from_prompt": {"name": "rag", "version": 1, "variables": {"q": "y"}}},
            {"q": {}},
            {"q": "y"},
        ),
        (
            {**CHAT, "made_from_prompt": {"name": "other", "version": 1, "variables": {"z": "y"}}},
            {"q": {}},
            {"q": "last"},
        ),
    ],
)
def test_what_an_input_stands_for(given: Any, variables: Any, told: Any) -> None:
    assert variables_for(given, content(**variables)) == told


def test_an_input_that_could_be_any_variable_is_none() -> None:
    with pytest.raises(ValueError, match="not just one that it could be: a, b"):
        variables_for("x", content(a={}, b={}))


async def run(bench: Bench, shelf: Any, task: Any, evaluators: Any = ("exact",)) -> Ended:
    cases = [case(1), Case(id="c002", input={"q": "in 2", "lang": "de"}, expected="in 2")]
    bench.chat.answers = [lambda request: request.body["prompt"]["variables"]["q"]]
    rooms = replace(bench.rooms, prompts=shelf)
    return await run_suite(rooms, P, suite_of(suited(task=task, evaluators=[*evaluators])), Given(cases=cases))


async def test_a_version_is_asked_with_its_variables_and_nothing_is_asked_twice(bench: Bench) -> None:
    shelf = Shelf()
    ended = await run(bench, shelf, {"prompt": "rag#production", "params": {"temperature": 0}})
    assert [request.body for request in bench.chat.asked] == [
        {"model": "m", "temperature": 0, "prompt": {"name": "rag", "version": 1, "variables": variables}}
        for variables in ({"q": "in 1"}, {"q": "in 2", "lang": "de"})
    ]
    assert ended.told.summary.metrics["exact"].mean == 1
    assert ended.run.subject["prompt"] == "rag@1"
    assert ended.run.subject["versions"] == {"prompt:rag@1": "prompt:rag@1 1", "m": "m 1"}
    assert ended.told.run.subject == "prompt rag@1, answered by m"

    await run(bench, shelf, {"prompt": "rag@1", "params": {"temperature": 0}})
    assert len(bench.chat.asked) == 2
    bench.version = "2"  # what it includes is another text now
    await run(bench, shelf, {"prompt": "rag@1", "params": {"temperature": 0}})
    shelf.production = 2
    await run(bench, shelf, {"prompt": "rag", "model": "m", "params": {"temperature": 0}})
    assert len(bench.chat.asked) == 6


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"prompt": "rag@2"}, "task.prompt: rag@2 names no model"),
        ({"prompt": "rag@x"}, "task.prompt: 'rag@x': after the @"),
        ({"prompt": "gone"}, "task.prompt: There is no 'gone'"),
        ({"prompt": "rag", "messages": []}, "'messages' are what the prompt says"),
        ({"prompt": "rag", "corpus": "c"}, "there is both 'corpus' and 'prompt'"),
        ({"prompt": "rag", "params": {"prompt": {}}}, "params may not have 'prompt'"),
    ],
)
async def test_a_prompt_that_cannot_be_asked_is_told_before_anything_is(bench: Bench, task: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        await run(bench, Shelf(), task)
    with pytest.raises(ConfigError, match="no registry"):
        await run(bench, None, {"prompt": "rag"})
