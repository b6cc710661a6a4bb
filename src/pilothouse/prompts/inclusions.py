"""What a prompt includes of others, and whether it can be put together. Renders nothing."""

from collections.abc import Callable, Iterator

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.prompts.content import Content, Message
from pilothouse.prompts.templates.reading import read_template
from pilothouse.prompts.templates.rendering import prepare, strings_of
from pilothouse.prompts.versions import Reference, Version, reference_of

__all__ = ["MOST_DEPTH", "check_inclusions", "included", "parts"]

MOST_DEPTH = 8
"""How deep inclusions go."""


def included(content: Content) -> dict[str, Reference]:
    """What its templates include, in their order: by how it is written there. Raises TemplateRefused where one cannot
    be read, InvalidRequest where one names no prompt."""
    found = dict[str, Reference]()
    for text in _texts(content):
        for inclusion in read_template(text, content.syntax).includes:
            if inclusion.reference not in found:
                found[inclusion.reference] = reference_of(inclusion.reference)
    return found


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
    that is not there; where it need not be `complete`, `find` may give None for a label that is still to come. Where it
    is, all that a render looks at before it begins must hold.
    """
    found = dict[Reference, Version | None]()

    def find_once(reference: Reference) -> Version | None:
        if reference not in found:
            found[reference] = find(reference)
        return found[reference]

    def fetch(written: str) -> Version:
        part = find_once(reference_of(written))
        assert part is not None
        return part

    _follow(content, (name,), find_once, complete, set())
    if complete:
        prepare(content, fetch=fetch)


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


def _texts(content: Content) -> Iterator[str]:
    for one in [content.template] if isinstance(content.template, str) else content.template:
        if isinstance(one, str):
            yield one
        elif isinstance(one, Message):
            yield from strings_of(one.content)
