"""What a prompt includes of others, and whether it can be put together. Renders nothing."""

import re
from collections.abc import Callable

from jinja2 import Environment, TemplateSyntaxError, meta

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.prompts.content import Content
from pilothouse.prompts.versions import Reference, Version, reference_of

__all__ = ["MOST_DEPTH", "check_inclusions", "included", "parts"]

MOST_DEPTH = 8
"""How deep inclusions go."""

_MUSTACHE = re.compile(r"\{\{!.*?\}\}|\{\{>\s*([^{}]*?)\s*\}\}", re.DOTALL)
_FORMAT = re.compile(r"\{\{|\}\}|\{@\s*([^{}]*?)\s*\}")


def included(content: Content) -> dict[str, Reference]:
    """What its templates include, in their order: by how it is written there. Raises InvalidRequest where one names no
    prompt."""
    found = dict[str, None]()
    for text in content.texts:
        found |= dict.fromkeys(_jinja(text) if content.syntax == "jinja" else _marked(text, content.syntax))
    return {one: reference_of(one) for one in found}


def parts(content: Content, find: Callable[[Reference], Version]) -> dict[str, Version]:
    """What it includes, at any depth: by how it is written. Raises InvalidRequest where something is not there."""
    found, left = dict[str, Version](), [content]
    while left:
        for written, reference in included(left.pop()).items():
            if written not in found:
                try:
                    found[written] = find(reference)
                except NotFound as error:
                    raise InvalidRequest(
                        f"The prompt includes '{written}': {error.message}", param="template"
                    ) from None
                left.append(found[written].content)
    return found


def check_inclusions(
    name: str, content: Content, find: Callable[[Reference], Version | None], *, complete: bool
) -> None:
    """Look whether `content`, as a version of the prompt `name`, can be put together of what `find` knows.

    Raises InvalidRequest where it includes itself by any way, goes deeper than MOST_DEPTH, includes a chat, or a prompt
    that is not there; where it need not be `complete`, `find` may give None for a label that is still to come.
    """
    _follow(content, (name,), find, complete, set())


def _follow(
    content: Content, way: tuple[str, ...], find: Callable[[Reference], Version | None], complete: bool, done: set[str]
) -> None:
    for reference in included(content).values():
        shown = " → ".join([*way, str(reference)])
        if reference.name in way:
            raise InvalidRequest(
                f"The prompt includes itself: {shown}. Take one of these inclusions out.", param="template"
            )
        if len(way) > MOST_DEPTH:
            raise InvalidRequest(f"The prompt includes deeper than {MOST_DEPTH}: {shown}.", param="template")
        if (key := f"{len(way)} {reference}") in done:
            continue
        done.add(key)
        try:
            found = find(reference)
        except NotFound as error:
            raise InvalidRequest(f"The prompt includes '{shown}': {error.message}", param="template") from None
        if found is None:
            if complete:
                raise InvalidRequest(f"The prompt includes '{shown}', and there is no such label.", param="template")
            continue
        if found.content.type == "chat":
            raise InvalidRequest(
                f"The prompt includes '{shown}', a chat; only texts can be included.", param="template"
            )
        _follow(found.content, (*way, reference.name), find, complete, done)


def _jinja(text: str) -> list[str]:
    if "include" not in text:
        return []
    try:
        names = list(meta.find_referenced_templates(Environment(autoescape=False).parse(text)))
    except TemplateSyntaxError as error:
        raise InvalidRequest(f"Line {error.lineno} of the template: {error.message}", param="template") from None
    except RecursionError:
        raise InvalidRequest("The template is nested too deeply.", param="template") from None
    return [name for name in names if name is not None]


def _marked(text: str, syntax: str) -> list[str]:
    marks = _MUSTACHE if syntax == "mustache" else _FORMAT
    return [match[1] for match in marks.finditer(text) if match[1] is not None]
