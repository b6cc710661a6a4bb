"""Prompts in Langfuse's words. https://api.reference.langfuse.com

Its templates are `{{ name }}` alone and filled by its clients, so a version of it is one in Mustache here. Its tags
`@@@langfusePrompt:name=tone|label=production@@@` are inclusions, `{{> tone#production}}`, and the other way round.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects.langfuse_ids import iso
from pilothouse.prompts.content import Content, Placeholder, content_of
from pilothouse.prompts.versions import Prompt, Reference, Version, VersionHead, reference_of
from pilothouse.types import Json

__all__ = ["GivenLabels", "GivenPrompt", "meta_to_json", "prompt_to_json", "version_to_json"]

Find = Callable[[Reference], Version]

_ANY = "langfuse.config"
_PARAMS = frozenset((
    "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty",
    "seed", "stop", "reasoning_effort", "verbosity", "parallel_tool_calls", "tool_choice",
))  # fmt: skip
"""What of a `config` are parameters of a call to a model, when it names one."""
_MOST_DEPTH = 8
_MOST_PARTS = 1000
_MOST_CHARS = 4 * 1024 * 1024
_TAG = re.compile(r"@@@langfusePrompt:name=([^|@]+)\|(?:version=(\d{1,10})|label=([^|@]+))@@@")
_ALONE = "{{!}}"
"""Beside an inclusion that has its line to itself: without, Mustache leaves out the end of the line."""
_INCLUDED = {
    "mustache": re.compile(
        r"^[ \t]*\{\{>\s*([^{}]*?)\s*\}\}[ \t]*\r?(?:\n|\Z)|\{\{>\s*([^{}]*?)\s*\}\}(?:\{\{!\}\})?", re.MULTILINE
    ),
    "jinja": re.compile(r"\{%-?\s*include\s+(?:'([^']*)'|\"([^\"]*)\")\s*-?%\}"),
    "format": re.compile(r"\{@\s*([^{}]*?)\s*\}"),
}
_FORMAT = re.compile(r"\{\{|\}\}|\{#.*?#\}|\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}", re.DOTALL)


def _text_or_messages(given: Any) -> Any:
    if isinstance(given, str) or (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
        return given
    raise PydanticCustomError("prompt", "a text, or a list of messages, each an object")


class _Given(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, allow_inf_nan=False)


class GivenPrompt(_Given):
    """A version as clients make one. Without `tags`, the prompt's stay."""

    name: str
    type: Literal["text", "chat"] = "text"
    prompt: Annotated[str | list[Json], BeforeValidator(_text_or_messages)]
    config: Any = None
    labels: Annotated[list[str] | None, Field(max_length=50)] = None
    tags: Annotated[list[str] | None, Field(max_length=50)] = None
    commit_message: Annotated[str | None, Field(max_length=2000)] = None

    @property
    def content(self) -> Content:
        """The content that it says. Raises InvalidRequest."""
        if (self.type == "text") != isinstance(self.prompt, str):
            wanted = "a text" if self.type == "text" else "a list of messages"
            raise InvalidRequest(f"The `prompt` of type {self.type} must be {wanted}.", param="prompt")
        template = _included(self.prompt) if isinstance(self.prompt, str) else [*map(_message, self.prompt)]
        config = {} if self.config is None else self.config if isinstance(self.config, dict) else {_ANY: self.config}
        given: Json = {"type": self.type, "template": template, "syntax": "mustache", "config": config}
        if isinstance(config.get("model"), str) and config["model"]:
            given |= {"model": config["model"], "params": {k: v for k, v in config.items() if k in _PARAMS}}
        return content_of(given)


class GivenLabels(_Given):
    """Labels that a version gets beside those that it has."""

    new_labels: Annotated[list[str], Field(max_length=50)]


def prompt_to_json(version: Version, prompt: Prompt, find: Find | None) -> Json:
    """A version with its text. Inclusions are put in with `find`, at any depth, and stay tags without. Raises NotFound
    for one that is not there, and InvalidRequest for what Langfuse's clients cannot read."""
    parts: list[Json] = []
    told = _template(version, find, parts)
    graph = {"root": {"name": version.name, "version": version.number}, "dependencies": parts} if parts else None
    return {**version_to_json(version, prompt), "prompt": told, "resolutionGraph": graph}


def version_to_json(version: Version, prompt: Prompt) -> Json:
    """All but the text."""
    content, at = version.content, iso(version.created_us)
    return {
        "id": f"{version.name}@{version.number}", "name": version.name, "version": version.number,
        "type": content.type, "config": _config(content), "labels": [*version.labels], "tags": [*prompt.tags],
        "commitMessage": version.message or None, "projectId": version.project_id, "createdBy": version.author,
        "createdAt": at, "updatedAt": at, "isActive": "production" in version.labels, "syntax": content.syntax,
    }  # fmt: skip


def meta_to_json(prompt: Prompt, versions: list[VersionHead], newest: Version) -> Json:
    """A prompt as the list has it."""
    return {
        "name": prompt.name, "type": newest.content.type, "versions": sorted(one.number for one in versions),
        "labels": [*prompt.labels], "tags": [*prompt.tags], "lastUpdatedAt": iso(prompt.updated_us),
        "lastConfig": _config(newest.content),
    }  # fmt: skip


def _message(given: Json) -> Json:
    if given.get("type") == "placeholder" or ("name" in given and "role" not in given):
        return {"placeholder": given.get("name")}
    fields = {key: value for key, value in given.items() if key != "type"}
    return {**fields, **({"content": _included(text)} if isinstance(text := fields.get("content"), str) else {})}


def _included(text: str) -> str:
    """Tags as inclusions."""

    def put(match: re.Match[str]) -> str:
        name, version, label = match.groups()
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        beside = text[start : match.start()] + text[match.end() : None if end < 0 else end]
        made = f"{{{{> {name}@{version}}}}}" if version else f"{{{{> {name}#{label}}}}}"
        return made if beside.strip() else made + _ALONE

    return _TAG.sub(put, text)


def _config(content: Content) -> Any:
    if content.config.keys() == {_ANY}:
        return content.config[_ANY]
    model = {} if content.model is None else {"model": content.model}
    return {**model, **content.params, **content.config}


def _template(version: Version, find: Find | None, parts: list[Json]) -> Any:
    content, way = version.content, (version.name,)
    if isinstance(content.template, str):
        return _text(content.template, content.syntax, find, way, parts)
    told = list[Json]()
    for number, one in enumerate(content.template):
        if isinstance(one, Placeholder):
            told.append({"type": "placeholder", "name": one.placeholder})
        elif not isinstance(one.content, str):
            raise InvalidRequest(
                f"Message {number} of '{version.name}' is no mere text, which Langfuse's clients cannot read: get it "
                f"with PromptRegistry or at /api/prompts, or ask the gateway with it."
            )
        else:
            fields = {**one.model_dump(exclude_unset=True), "type": "chatmessage"}
            told.append({**fields, "content": _text(one.content, content.syntax, find, way, parts)})
    return told


def _text(text: str, syntax: str, find: Find | None, way: tuple[str, ...], parts: list[Json]) -> str:
    """A template as Langfuse has them, with what it includes."""

    def put(match: re.Match[str]) -> str:
        reference = reference_of(next(filter(None, match.groups()), ""))
        if find is None:
            return _tag(reference)
        found = find(reference)
        if len(parts) >= _MOST_PARTS:
            raise InvalidRequest(f"The prompt includes others more than {_MOST_PARTS} times.")
        if found.name in way or len(way) > _MOST_DEPTH:
            raise InvalidRequest(f"The prompt includes itself, or too deep: {' → '.join([*way, found.name])}.")
        parts.append({"name": found.name, "version": found.number, "parent": way[-1]})
        if not isinstance(found.content.template, str):
            raise InvalidRequest(f"The prompt includes '{reference}', a chat; only texts can be included.")
        return _text(found.content.template, found.content.syntax, find, (*way, found.name), parts)

    told, at, size = list[str](), 0, 0
    for match in _INCLUDED[syntax].finditer(text):
        told += [_plain(text[at : match.start()], syntax), put(match)]
        at, size = match.end(), size + len(told[-1])
        if size > _MOST_CHARS:
            raise InvalidRequest(f"The prompt has more than {_MOST_CHARS:,} characters with what it includes.")
    return "".join([*told, _plain(text[at:], syntax)])


def _tag(reference: Reference) -> str:
    at = f"label={reference.wanted}" if reference.version is None else f"version={reference.version}"
    return f"@@@langfusePrompt:name={reference.name}|{at}@@@"


def _plain(text: str, syntax: str) -> str:
    """`{name}` of the format syntax as Langfuse's clients fill it; the others name their variables as they do."""
    if syntax != "format":
        return text
    return _FORMAT.sub(
        lambda match: f"{{{{{match[1]}}}}}" if match[1] else "" if match[0][1] == "#" else match[0][0], text
    )
