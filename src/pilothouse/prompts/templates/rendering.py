"""A prompt's content and its variables made into the text or the messages that a model is asked with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pilothouse.errors import InvalidRequest, MissingVariable, TemplateRefused
from pilothouse.prompts.content import Content, Example, Message, Placeholder
from pilothouse.prompts.templates.including import Fetch, Included, gathered
from pilothouse.prompts.templates.reading import read_template
from pilothouse.prompts.templates.run import Compiled, Fault, Run, Scope, Undefined, Use
from pilothouse.prompts.templates.values import cleaned, tainted
from pilothouse.prompts.templates.variables import LEVEL_OF, check_defaults, check_messages, prepared
from pilothouse.types import Json

__all__ = ["EXAMPLES", "Prepared", "Rendered", "prepare", "render", "strings_of"]

EXAMPLES = "examples"
"""What a text says where its few-shot examples are to stand, and a placeholder of a chat; in front, and before the last
user's message, where none says it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made of a prompt. `included` are the prompts in it as `name@number`; `chars` are those of
    all texts in it, `steps` what making it took."""

    messages: tuple[Json, ...] | None
    text: str | None
    included: tuple[str, ...]
    chars: int
    steps: int

    @property
    def as_messages(self) -> list[Json]:
        """The messages; a text is one of the user."""
        return [{"role": "user", "content": self.text}] if self.messages is None else list(self.messages)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A content whose texts were read and whose inclusions were fetched: it renders as often as is wanted."""

    content: Content
    texts: Mapping[str, tuple[str, Compiled]]
    """By the text: what names it in errors, and the template."""
    included: Included

    def render(self, variables: Mapping[str, Any]) -> Rendered:
        """Raises MissingVariable, UnknownVariable, BadVariable, or TemplateRefused past a limit."""
        scope = prepared(self.included.declared, self.included.uses, variables)
        run = Run(self.included.parts, scope)
        if isinstance(self.content.template, str):
            return self._done(run, None, _Filling(self, run).text(self.content.template, scope))
        return self._done(run, tuple(_Filling(self, run).chat(self.content.template, scope)), None)

    def _done(self, run: Run, messages: tuple[Json, ...] | None, text: str | None) -> Rendered:
        chars = sum(len(one) for message in messages or () for one in strings_of(message.get("content")))
        return Rendered(messages, text, self.included.labels, chars + len(text or ""), run.steps)


def render(content: Content, variables: Mapping[str, Any], *, fetch: Fetch | None = None) -> Rendered:
    """What a model is asked with. The same arguments give the same result; nothing else is read.

    `fetch` gives the prompts that it includes; without, such a prompt is refused. Raises MissingVariable,
    UnknownVariable, BadVariable, or TemplateRefused for a template that cannot be read or goes past its limits.
    """
    return prepare(content, fetch=fetch).render(variables)


def prepare(content: Content, *, fetch: Fetch | None = None) -> Prepared:
    """Reads all texts of a content and fetches what they include. Raises TemplateRefused, and BadVariable for a default
    that is wrong."""
    check_defaults(content.variables)
    texts: dict[str, tuple[str, Compiled]] = {}
    for where, text in _texts(content):
        try:
            texts.setdefault(text, (where, read_template(text, content.syntax)))
        except TemplateRefused as error:
            raise TemplateRefused(error.what, line=error.line, where=where) from None
    included = gathered(content.variables, list(texts.values()), fetch)
    for name in _placeholders(content):
        included.uses.setdefault(name, Use(1, True))
    if content.examples:
        included.uses.pop(EXAMPLES, None)
        if EXAMPLES in content.variables:
            told = f"'{EXAMPLES}' stands for the few-shot examples here; name the variable otherwise."
            raise InvalidRequest(told, param=f"variables.{EXAMPLES}")
    return Prepared(content, texts, included)


def _texts(content: Content) -> Iterator[tuple[str, str]]:
    """Each text that is a template, with what names it in errors; none where there is but one."""
    if isinstance(content.template, str):
        yield "", content.template
        return
    for number, one in enumerate(content.template):
        if isinstance(one, Message):
            yield from ((f"messages[{number}]", text) for text in strings_of(one.content))


def strings_of(value: Any) -> Iterator[str]:
    """The texts of a message that are templates, those inside its parts included; what a part's `type` says is none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "type":
                yield from strings_of(item)


def _placeholders(content: Content) -> list[str]:
    given = () if isinstance(content.template, str) else content.template
    names = [one.placeholder for one in given if isinstance(one, Placeholder)]
    return [name for name in names if name != EXAMPLES or not content.examples]


class _Filling:
    """One render of a content."""

    def __init__(self, prepared: Prepared, run: Run) -> None:
        self.prepared, self.run, self.content = prepared, run, prepared.content

    def text(self, template: str, scope: Scope) -> str:
        examples = self.content.examples
        if not examples:
            return self._filled(template, scope)
        block = "Examples:\n\n" + "\n\n".join(f"Input: {_input(one)}\nOutput: {one.output}" for one in examples)
        _, compiled = self.prepared.texts[template]
        if EXAMPLES in compiled.uses:
            return self._filled(template, {**scope, EXAMPLES: block})
        return f"{block}\n\n{self._filled(template, scope)}"

    def chat(self, template: list[Message | Placeholder], scope: Scope) -> Iterator[Json]:
        last = _place_of_examples(template) if self.content.examples else None
        for number, one in enumerate(template):
            if number == last:
                yield from self._pairs(template, scope)
            if isinstance(one, Message):
                yield self._message(one, scope)
            elif one.placeholder != EXAMPLES or not self.content.examples:
                value = scope[one.placeholder]
                check_messages(one.placeholder, value)
                yield from value

    def _message(self, message: Message, scope: Scope) -> Json:
        made = message.model_dump(exclude_unset=True)
        if message.content is not None:
            made["content"] = self._inside(message.content, scope)
        return made

    def _inside(self, value: Any, scope: Scope) -> Any:
        if isinstance(value, str):
            return self._filled(value, scope)
        if isinstance(value, list):
            return [self._inside(item, scope) for item in value]
        if isinstance(value, dict):
            return {key: item if key == "type" else self._inside(item, scope) for key, item in value.items()}
        return value

    def _pairs(self, template: list[Message | Placeholder], scope: Scope) -> Iterator[Json]:
        asked = next((one for one in reversed(template) if isinstance(one, Message) and one.role == "user"), None)
        for number, example in enumerate(self.content.examples):
            if isinstance(example.input, str) or asked is None:
                yield {"role": "user", "content": _input(example)}
            else:
                values = {name: self._value(number, name, one) for name, one in example.input.items()}
                try:
                    yield {**self._message(asked, {**scope, **values}), "role": "user"}
                except (MissingVariable, TemplateRefused) as error:
                    raise TemplateRefused(f"{error.message}", where=f"examples[{number}]") from None
            yield {"role": "assistant", "content": example.output}

    def _value(self, number: int, name: str, given: Any) -> Any:
        """A variable of an example, set apart as that of the question is."""
        value, variable = cleaned(f"examples[{number}].{name}", given)[0], self.prepared.included.declared.get(name)
        return tainted(value, LEVEL_OF[variable.spotlight] if variable is not None and variable.untrusted else 0)

    def _filled(self, text: str, scope: Scope) -> str:
        where, compiled = self.prepared.texts[text]
        run = self.run
        run.where, run.line = where, 1
        try:
            run.charge(compiled.nodes)
            compiled.run(dict(scope), run)
            return run.taken()
        except Undefined as gap:
            place = ", ".join(filter(None, [run.where, f"line {run.line}"]))
            raise MissingVariable(f"{place}: {gap}", param="variables") from None
        except Fault as fault:
            raise TemplateRefused(str(fault), line=run.line, where=run.where) from None
        except RecursionError:
            raise TemplateRefused("it is nested too deep.", line=run.line, where=run.where) from None
        except ZeroDivisionError:
            raise TemplateRefused("a division by zero.", line=run.line, where=run.where) from None
        except (OverflowError, ValueError):
            raise TemplateRefused("a number is too large, or no number.", line=run.line, where=run.where) from None


def _input(example: Example) -> str:
    if isinstance(example.input, str):
        return example.input
    if len(example.input) == 1 and isinstance(only := next(iter(example.input.values())), str):
        return only
    return "; ".join(f"{name}: {value}" for name, value in example.input.items())


def _place_of_examples(template: list[Message | Placeholder]) -> int:
    """Before which message the examples stand."""
    for number, one in enumerate(template):
        if isinstance(one, Placeholder) and one.placeholder == EXAMPLES:
            return number
    users = [n for n, one in enumerate(template) if isinstance(one, Message) and one.role == "user"]
    return users[-1] if users else len(template)
