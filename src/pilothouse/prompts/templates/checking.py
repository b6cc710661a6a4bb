"""What is wrong with a prompt before it is kept, and which variables it names; renders nothing."""

from dataclasses import dataclass
from typing import Literal

from pilothouse.errors import BadVariable, InvalidRequest, TemplateRefused
from pilothouse.prompts.content import Content, Message, Placeholder
from pilothouse.prompts.templates.including import Fetch, gathered
from pilothouse.prompts.templates.naming import nearest
from pilothouse.prompts.templates.reading import read_template
from pilothouse.prompts.templates.rendering import EXAMPLES, prepare, strings_of
from pilothouse.prompts.templates.run import Compiled, Use
from pilothouse.prompts.templates.values import cleaned
from pilothouse.prompts.templates.variables import check_value

__all__ = ["Named", "Problem", "check", "variables_of"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in a sentence. `message` counts the messages of a chat from 0, `line` the lines of its text from
    1; None where it has no such place. `kind`: `syntax`, `undefined` (a variable that is not declared), `variable` (a
    declaration that is wrong), `unused`, or `include`; what is `unused` does no harm."""

    kind: Literal["syntax", "undefined", "variable", "unused", "include"]
    what: str
    line: int | None = None
    message: int | None = None

    @property
    def told(self) -> str:
        """With its place."""
        place = f"messages[{self.message}]" if self.message is not None else ""
        at = ", ".join(filter(None, [place, f"line {self.line}" if self.line else ""]))
        return f"{at}: {self.what}" if at else self.what


@dataclass(frozen=True, slots=True)
class Named:
    """Where a prompt first names a variable. `required` where a render without it, and without a default, fails."""

    name: str
    line: int
    required: bool
    message: int | None = None


def variables_of(content: Content) -> list[Named]:
    """The variables that its own texts name, in their order, placeholders among them. Raises TemplateRefused."""
    found: dict[str, Named] = {}
    given = [content.template] if isinstance(content.template, str) else content.template
    for number, one in enumerate(given):
        place = None if isinstance(one, str) else number
        if isinstance(one, Placeholder):
            _note(found, one.placeholder, Use(1, True), place)
            continue
        for text in [one] if isinstance(one, str) else strings_of(one.content):
            for name, use in read_template(text, content.syntax).uses.items():
                _note(found, name, use, place)
    if content.examples:
        found.pop(EXAMPLES, None)
    return list(found.values())


def check(content: Content, *, fetch: Fetch | None = None) -> list[Problem]:
    """What is wrong with a content, in the order of its texts. With `fetch`, its inclusions are looked at, too.

    Variables are undefined only where some are declared: a prompt that declares none takes what it names.
    """
    problems = [*_unreadable(content), *_declarations(content)]
    if any(problem.kind == "syntax" for problem in problems):
        return problems
    named = variables_of(content)
    used = {one.name for one in named}
    if fetch is not None:
        try:
            included = gathered(content.variables, [("", compiled) for _, compiled in _compiled(content)], fetch)
            used |= set(included.uses)
            if not problems:
                prepare(content, fetch=fetch)
        except InvalidRequest as error:
            problems.append(Problem("include", error.message, getattr(error, "line", None)))
    if content.variables:
        for one in named:
            if one.name not in content.variables:
                told = f"the variable '{one.name}' is not declared.{nearest(one.name, content.variables)}"
                problems.append(Problem("undefined", told, one.line, one.message))
    if fetch is not None or not any(compiled.includes for _, compiled in _compiled(content)):
        for name in content.variables:
            if name not in used:
                problems.append(Problem("unused", f"the variable '{name}' is declared and not used."))
    return problems


def _note(found: dict[str, Named], name: str, use: Use, message: int | None) -> None:
    known = found.get(name)
    if known is None:
        found[name] = Named(name, use.line, use.required, message)
    elif use.required and not known.required:
        found[name] = Named(name, known.line, True, known.message)


def _each_text(content: Content) -> list[tuple[int | None, str]]:
    if isinstance(content.template, str):
        return [(None, content.template)]
    given = [(n, one) for n, one in enumerate(content.template) if isinstance(one, Message)]
    return [(number, text) for number, one in given for text in strings_of(one.content)]


def _compiled(content: Content) -> list[tuple[int | None, Compiled]]:
    return [(number, read_template(text, content.syntax)) for number, text in _each_text(content)]


def _unreadable(content: Content) -> list[Problem]:
    problems = []
    for number, text in _each_text(content):
        try:
            read_template(text, content.syntax)
        except TemplateRefused as error:
            problems.append(Problem("syntax", error.what, error.line, number))
    return problems


def _declarations(content: Content) -> list[Problem]:
    problems = []
    for name, variable in content.variables.items():
        if variable.required:
            continue
        try:
            check_value(name, variable, cleaned(name, variable.default)[0])
        except BadVariable as error:
            problems.append(Problem("variable", f"its default is wrong: {error.message}"))
    return problems
