"""`PromptTemplate`: a template in a program, without a registry."""

from collections.abc import Mapping, Sequence
from typing import Any

from pilothouse.errors import NotFound
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.templates.naming import nearest
from pilothouse.prompts.templates.rendering import Prepared, prepare
from pilothouse.types import Json

__all__ = ["PromptTemplate"]


class PromptTemplate:
    """A text or a list of chat messages with places for variables.

    `syntax` is "jinja", "mustache" or "format"; `variables` declares types, defaults and what is untrusted, as
    `{"question": {"type": "string", "untrusted": True}}`; `includes` are other templates by the name under which this
    one includes them. Raises InvalidRequest, and TemplateRefused with the line for what cannot be read.
    """

    def __init__(
        self,
        template: str | Sequence[Json],
        *,
        syntax: str = "jinja",
        variables: Mapping[str, Any] | None = None,
        examples: Sequence[Json] = (),
        includes: "Mapping[str, str | PromptTemplate] | None" = None,
    ) -> None:
        given = {
            "template": template if isinstance(template, str) else list(template),
            "syntax": syntax,
            "variables": dict(variables or {}),
            "examples": list(examples),
        }
        self.content: Content = content_of(given)
        self._includes = dict(includes or {})
        self._prepared: Prepared = prepare(self.content, fetch=self._fetch)

    @property
    def schema(self) -> Json:
        """The JSON Schema of the variables that are declared, as one object."""
        return self.content.schema_of_variables

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables: those declared, then those that are only used."""
        included = self._prepared.included
        return tuple(dict.fromkeys([*included.declared, *included.uses]))

    def format(self, **variables: Any) -> str | list[Json]:
        """The text, or the messages, with the variables in their places. Reads nothing but its arguments.

        Raises MissingVariable, UnknownVariable, BadVariable, or TemplateRefused past a limit.
        """
        made = self._prepared.render(variables)
        return made.text if made.text is not None else made.as_messages

    def _fetch(self, reference: str) -> "_Local":
        found = self._includes.get(reference)
        if found is None:
            raise NotFound(f"there is no template of that name at hand.{nearest(reference, self._includes)}")
        return _Local(reference, found if isinstance(found, PromptTemplate) else None, found)


class _Local:
    """A template at hand, as a version of a prompt that has no number."""

    number = 0

    def __init__(self, name: str, template: PromptTemplate | None, text: Any) -> None:
        self.name = name
        self.content = template.content if template else content_of({"template": text})
