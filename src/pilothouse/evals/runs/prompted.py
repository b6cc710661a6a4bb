"""A version of a prompt as what makes the output of a case: its variables are what the case has.

The request goes to the gateway with the prompt's name and variables, which renders it as it does in production.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from pilothouse.cases import Case
from pilothouse.errors import ConfigError
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.runs.remembered import PROMPT
from pilothouse.evals.runs.subject import Asking, ModelSubject, TaskFailed
from pilothouse.evals.runs.suite import TaskSpec
from pilothouse.evals.runs.turns import Turn
from pilothouse.evals.values import written
from pilothouse.ids import content_hash
from pilothouse.prompts.content import Content
from pilothouse.prompts.inclusions import included
from pilothouse.prompts.templates.checking import variables_of
from pilothouse.prompts.versions import Version, reference_of
from pilothouse.types import MADE_FROM, ChatRequest, Json, text_of

__all__ = ["PromptSubject", "Versions", "prompt_print", "prompt_subject", "variables_for"]


class Versions(Protocol):
    """Where versions are. Raises NotFound for one that there is not."""

    def get(
        self, project: str, name: str, *, version: int | None = None, label: str | None = None
    ) -> Version: ...  # fmt: skip


@dataclass(frozen=True, slots=True)
class PromptSubject(ModelSubject):
    """Asks `model` with a version; `params` go before those of the version. Of the variables of a case those in
    `left_out` are for another version."""

    version: Version
    left_out: frozenset[str] = frozenset()

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        try:
            variables = variables_for(case.input, self.version.content)
        except ValueError as error:
            raise TaskFailed(str(error)) from None
        variables = {name: value for name, value in variables.items() if name not in self.left_out}
        prompt = {"name": self.version.name, "version": self.version.number, "variables": variables}
        answer = await asking.send(ChatRequest.check({**self.params, "model": self.model, "prompt": prompt}))
        text, steps = answer_of(answer.data)
        context = case.context if turn.context is None else turn.context
        return msgspec.structs.replace(case, output=text, steps=steps, context=context)

    @property
    def print_name(self) -> str:
        """The name under which its fingerprint is asked for."""
        return f"{PROMPT}{self.version.reference}"

    def asked(self) -> list[str]:
        """The names whose fingerprints tell what is asked."""
        return [self.print_name, self.model]

    @property
    def wording(self) -> str:
        return "\n".join(self.version.content.texts)


def prompt_subject(versions: Versions | None, project: str, task: TaskSpec) -> PromptSubject:
    """The subject of a task that names a prompt. A label is read now, once. Raises NotFound, InvalidRequest, and
    ConfigError where nobody says which model answers."""
    assert task.prompt is not None
    if versions is None:
        raise ConfigError("there is no registry of prompts here.")
    reference = reference_of(task.prompt)
    label = None if reference.version is not None else reference.wanted
    version = versions.get(project, reference.name, version=reference.version, label=label)
    model = task.model or version.content.model
    if model is None:
        raise ConfigError(f"{version.reference} names no model: write 'model' beside 'prompt'.")
    return PromptSubject(model, None, task.params, version)


def prompt_print(versions: Versions, project: str, reference: str) -> str:
    """What a reference stands for now, with all that is included in it: another text once anything of it is another.
    Raises NotFound. Blocks on the database."""
    found, left = dict[str, str](), [reference_of(reference)]
    while left:
        one = left.pop()
        if str(one) not in found:
            label = None if one.version is not None else one.wanted
            version = versions.get(project, one.name, version=one.version, label=label)
            found[str(one)] = version.hash
            left += included(version.content).values()
    return content_hash(found)


def variables_for(given: Any, content: Content) -> Json:
    """The variables that a case's input stands for: an object has them by name; anything else is the value of the one
    variable that there is, or that has no default. A recorded call of a prompt has those it was made from, where they
    are the same; of other recorded messages the last words of their user, where a text is wanted. Raises ValueError
    with a sentence."""
    names, name = _names(content), _single(content)
    made = given.get(MADE_FROM) if isinstance(given, dict) else None
    if isinstance(made, dict) and isinstance(made.get("variables"), dict) and made["variables"].keys() <= {*names}:
        return made["variables"]  # type: ignore[no-any-return]
    kind = content.variables[name].type if name in content.variables else "string"
    if isinstance(given, dict) and not (_recorded(given) and "messages" not in names):
        return {name: given} if name is not None and kind == "object" and name not in given else given
    if name is None:
        there = ", ".join(names) or "none"
        raise ValueError(f"The input names no variables, and there is not just one that it could be: {there}.")
    if isinstance(given, dict):
        given = given["messages"] if kind == "messages" else _asked(given["messages"])
    return {name: written(given) if kind == "string" else given}


def _recorded(given: Json) -> bool:
    """Whether an input is a chat as it was recorded."""
    return given.keys() - {MADE_FROM} == {"messages"} and isinstance(given["messages"], list)


def _asked(messages: list[Any]) -> str:
    asked = [text_of(one.get("content")) for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    return asked[-1] if asked else ""


def _names(content: Content) -> list[str]:
    """The variables that are declared; where none is, those that are used."""
    return [*content.variables] or [one.name for one in variables_of(content)]


def _single(content: Content) -> str | None:
    """The one variable that a value alone can be meant for."""
    if len(names := _names(content)) == 1:
        return names[0]
    required = [name for name, one in content.variables.items() if one.required]
    return required[0] if len(required) == 1 else None
