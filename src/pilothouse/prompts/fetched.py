"""A prompt as a program got it: a version and all that it includes, so that it renders without asking anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pilothouse.errors import InvalidRequest, NotFound, ProviderProtocolError
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.templates.rendering import Prepared, prepare
from pilothouse.types import Json

__all__ = ["FetchedPrompt", "fallback_prompt", "fetched_of"]


@dataclass(frozen=True)
class _Part:
    """What a prompt includes."""

    name: str
    number: int
    content: Content


@dataclass(frozen=True)
class FetchedPrompt:
    """A version of a prompt. `version` is its number, `labels` those that pointed to it; a fallback has neither.

    `format` gives the text or the messages, with the variables in their places; nothing else is read.
    """

    name: str
    content: Content
    version: int | None = None
    hash: str = ""
    labels: tuple[str, ...] = ()
    message: str = ""
    is_fallback: bool = False
    _includes: Mapping[str, _Part] = field(default_factory=dict, repr=False)

    @property
    def type(self) -> str:
        """`text` or `chat`."""
        return self.content.type

    @property
    def template(self) -> str | list[Json]:
        """As it was written, variables and all."""
        template = self.content.template
        return template if isinstance(template, str) else [one.model_dump(exclude_unset=True) for one in template]

    @property
    def model(self) -> str | None:
        """The model that it asks, where it says one."""
        return self.content.model

    @property
    def params(self) -> Json:
        """Parameters of the call, such as `temperature`."""
        return self.content.params

    @property
    def config(self) -> Json:
        """What else was kept with it."""
        return self.content.config

    @property
    def reference(self) -> str:
        """`name@version`; of a fallback the name."""
        return self.name if self.version is None else f"{self.name}@{self.version}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its variables, with those of what it includes."""
        included = self._prepared.included
        return tuple(dict.fromkeys([*included.declared, *included.uses]))

    def format(self, **variables: Any) -> str | list[Json]:
        """The text, or the messages. Raises MissingVariable, UnknownVariable, BadVariable, or TemplateRefused.

        A fallback takes variables that it does not name: it stands in for a prompt that does.
        """
        if self.is_fallback:
            known = set(self.variables)
            variables = {name: value for name, value in variables.items() if name in known}
        made = self._prepared.render(variables)
        return made.text if made.text is not None else made.as_messages

    compile = format

    def request(self, **variables: Any) -> Json:
        """The body of a chat request: model, messages, parameters, tools. `client.chat.completions.create(**...)`."""
        made = self.format(**variables)
        content = self.content
        body: Json = {} if content.model is None else {"model": content.model}
        body["messages"] = [{"role": "user", "content": made}] if isinstance(made, str) else made
        body |= content.params | ({"tools": content.tools} if content.tools else {})
        return body | ({} if content.response_format is None else {"response_format": content.response_format})

    @cached_property
    def _prepared(self) -> Prepared:
        return prepare(self.content, fetch=self._fetch)

    def _fetch(self, reference: str) -> _Part:
        if reference not in self._includes:
            raise NotFound(f"'{reference}' did not come with the prompt.")
        return self._includes[reference]


def fetched_of(body: Any) -> FetchedPrompt:
    """What the registry answers of a version, with `includes`. Raises ProviderProtocolError where it is none."""
    try:
        part = _part(body)
        includes = {str(reference): _part(one) for reference, one in body["includes"].items()}
        labels, told = tuple(map(str, body["labels"])), str(body["message"])
        return FetchedPrompt(part.name, part.content, part.number, str(body["hash"]), labels, told, False, includes)
    except (TypeError, KeyError, AttributeError, InvalidRequest) as error:
        raise ProviderProtocolError(f"The registry answered what is no version of a prompt: {error!r}.") from None


def fallback_prompt(name: str, given: "str | Sequence[Json] | Content") -> FetchedPrompt:
    """What the program itself has for when there is nothing else. Raises InvalidRequest."""
    if not isinstance(given, Content | str | Sequence):
        raise InvalidRequest("A fallback is a text, a list of messages, or a PromptTemplate.", param="fallback")
    if not isinstance(given, Content):
        given = content_of({"template": given if isinstance(given, str) else [*given]})
    return FetchedPrompt(name, given, is_fallback=True)


def _part(body: Json) -> _Part:
    number, known = body["version"], Content.model_fields
    if type(number) is not int or not isinstance(body["name"], str):
        raise TypeError("name and version")
    content = {key: value for key, value in body["content"].items() if key in known}  # a newer server has more
    return _Part(body["name"], number, content_of(content))
