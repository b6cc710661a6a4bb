"""What becomes of a draft of a prompt: its messages as they would be sent, what is wrong with it, what could be better.

Knows nothing of pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pilothouse.console.forms import Fields
from pilothouse.console.prompting import Slot, shown_json, slots, stand_ins, values_of
from pilothouse.errors import InvalidRequest, NotFound, TemplateRefused
from pilothouse.prompts.content import Content, Message, Placeholder, Variable
from pilothouse.prompts.lint.linter import Linter, draft_of
from pilothouse.prompts.templates.checking import check, variables_of
from pilothouse.prompts.templates.including import Fetch
from pilothouse.prompts.templates.rendering import prepare
from pilothouse.prompts.templates.run import Use
from pilothouse.types import ChatRequest, Json

__all__ = ["Note", "Preview", "Said", "preview_of", "request_of", "said_of", "variables_in"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or a text, as it is shown."""

    role: str
    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something told of a draft, and where: the id of a field of the form, and the line in it from 1."""

    rule: str
    severity: str
    text: str
    why: str = ""
    suggestion: str = ""
    field: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """Where, in words."""
        number = self.field.removeprefix("said")
        return f"message {int(number) + 1}, line {self.line}" if number.isdecimal() else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Preview:
    """`said` is what would be sent; `made_up` names the variables that have a stand-in. `problem` is why nothing could
    be rendered. `slots` are the variables that values can be given for, those of what is included among them."""

    slots: Sequence[Slot] = ()
    said: Sequence[Said] = ()
    chars: int = 0
    included: Sequence[str] = ()
    made_up: Sequence[str] = ()
    problem: str = ""
    notes: Sequence[Note] = ()


def preview_of(content: Content, form: Fields, fetch: Fetch, fields: Sequence[str]) -> Preview:
    """The content with the values that the form gives, and stand-ins for those it does not. `fields` are the ids of the
    text areas that its messages are written in."""
    notes = list(_problems(content, fetch, fields))
    try:
        prepared = prepare(content, fetch=fetch)
        found = slots(_taken(prepared.included.declared, prepared.included.uses, content), form)
    except (InvalidRequest, NotFound) as error:
        return Preview(slots(content.variables, form), problem=_told(error, notes), notes=notes)
    preview, missing = Preview(found, notes=notes), stand_ins(found)
    try:
        rendered = prepared.render({**missing, **values_of(found)})
    except (InvalidRequest, NotFound) as error:
        return replace(preview, problem=_told(error, notes), made_up=list(missing))
    said = [_said(one) for one in rendered.messages or ()] if rendered.text is None else [Said("text", rendered.text)]
    return replace(
        preview, said=said, chars=rendered.chars, included=rendered.included, made_up=list(missing)
    )  # fmt: skip


def request_of(content: Content, form: Fields, fetch: Fetch, model: str) -> ChatRequest:
    """What a model is asked with the values of a form, as a stream. Raises InvalidRequest, naming the variable."""
    prepared = prepare(content, fetch=fetch)
    found = slots(_taken(prepared.included.declared, prepared.included.uses, content), form)
    rendered = prepared.render(values_of(found))
    body: Json = {**content.params, "model": model, "messages": rendered.as_messages, "stream": True}
    body |= {"tools": content.tools} if content.tools else {}
    body |= {"response_format": content.response_format} if content.response_format else {}
    return ChatRequest.check(body)


def said_of(content: Content) -> list[Said]:
    """A content as it was written."""
    if isinstance(content.template, str):
        return [Said("text", content.template)]
    return [
        Said("messages", f"those of the variable {one.placeholder}") if isinstance(one, Placeholder)
        else _said(one.model_dump(mode="json", exclude_unset=True))
        for one in content.template
    ]  # fmt: skip


def variables_in(content: Content) -> list[str]:
    """The names that the template itself uses. Raises InvalidRequest where it cannot be read."""
    return [one.name for one in variables_of(content)]


# ---- parts


def _said(message: Json) -> Said:
    """A message as it goes to a model; what is more than a role and a text as JSON."""
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value is not None}
    if isinstance(content, str) and not rest:
        return Said(message["role"], content)
    return Said(message["role"], shown_json({"content": content, **rest} if content is not None else rest), code=True)


def _taken(declared: Mapping[str, Variable], uses: Mapping[str, Use], content: Content) -> dict[str, Variable]:
    """The variables that a value can be given for: those that are declared, and where none are those that are named."""
    holders = () if isinstance(content.template, str) else content.template
    messages = {one.placeholder for one in holders if isinstance(one, Placeholder)}
    undeclared = {
        name: Variable(type="messages" if name in messages else "string", default=None if use.required else "")
        for name, use in uses.items()
        if name not in declared
    }
    return {**declared, **undeclared}


def _problems(content: Content, fetch: Fetch, fields: Sequence[str]) -> Iterator[Note]:
    """What the checks of creation say, then the linter."""
    for problem in check(content, fetch=fetch):
        if problem.kind not in ("undefined", "unused"):  # these the linter tells, too
            yield Note(problem.kind, "error", problem.what, field=_field(problem.message, fields), line=problem.line)
    for one in Linter().lint(draft_of(content)).findings:
        text = _text(content, one.message)
        line = text.count("\n", 0, one.offset) + 1
        yield Note(
            one.code, one.severity, one.text, one.why, one.instead, _field(one.message, fields), line
        )  # fmt: skip


def _text(content: Content, message: int | None) -> str:
    if isinstance(content.template, str):
        return content.template
    one = content.template[message or 0]
    return one.content if isinstance(one, Message) and isinstance(one.content, str) else ""


def _field(message: int | None, fields: Sequence[str]) -> str:
    return fields[message or 0] if (message or 0) < len(fields) else ""


def _told(error: InvalidRequest | NotFound, notes: Sequence[Note]) -> str:
    """Why it cannot be rendered; nothing where a note says it at its line."""
    what = error.what if isinstance(error, TemplateRefused) else error.message
    return "" if any(note.text == what for note in notes) else error.message
