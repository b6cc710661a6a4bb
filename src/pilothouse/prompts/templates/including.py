"""The prompts that one includes, at any depth: fetched once each, without circles, before anything is rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.content import Content, Variable
from pilothouse.prompts.templates.limits import MAX_INCLUDE_DEPTH, MAX_INCLUDES
from pilothouse.prompts.templates.naming import clipped
from pilothouse.prompts.templates.reading import read_template
from pilothouse.prompts.templates.run import Compiled, Inclusion, Part, Use
from pilothouse.prompts.templates.variables import LEVEL_OF, merged

__all__ = ["Fetch", "Included", "Source", "gathered"]

_MOST_PLACES = 1_000
"""Places of inclusion that differ in prompt, depth or names in scope."""


class Source(Protocol):
    """A version of a prompt, as the registry has it."""

    @property
    def name(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def content(self) -> Content: ...


Fetch = Callable[[str], Source]
"""A version by its reference: `name`, `name@3` or `name#label`. Raises NotFound."""


@dataclass(slots=True)
class Included:
    """What a prompt includes: `parts` by reference; the variables that they declare and the names that they use, with
    those of the prompt itself."""

    declared: dict[str, Variable]
    uses: dict[str, Use]
    parts: dict[str, Part] = field(default_factory=dict)
    seen: set[tuple[str, int, frozenset[str] | None]] = field(default_factory=set)

    @property
    def labels(self) -> tuple[str, ...]:
        """Each part as `name@number`, in the order of the first mention."""
        return tuple(dict.fromkeys(part.label for part in self.parts.values()))


def gathered(declared: Mapping[str, Variable], templates: list[tuple[str, Compiled]], fetch: Fetch | None) -> Included:
    """All that `templates` (each with what names it in errors) include.

    Raises TemplateRefused for a prompt that includes itself, that is a chat or is not there, and past the limits.
    """
    found = Included(dict(declared), {})
    for where, compiled in templates:
        _use(found, compiled.uses, frozenset())
        for inclusion in compiled.includes:
            _follow(found, inclusion, where, (), inclusion.bound, fetch)
    return found


def _use(found: Included, uses: Mapping[str, Use], bound: frozenset[str] | None) -> None:
    for name, use in uses.items():
        if bound is not None and name in bound:
            continue
        known = found.uses.get(name)
        required = (use.required and bound is not None) or bool(known and known.required)
        found.uses[name] = Use(known.line if known else use.line, required)


def _follow(
    found: Included,
    inclusion: Inclusion,
    where: str,
    way: tuple[str, ...],
    bound: frozenset[str] | None,
    fetch: Fetch | None,
) -> None:
    part = found.parts.get(inclusion.reference) or _fetched(found, inclusion, where, fetch)
    if part.label in way:
        circle = " → ".join([*way[way.index(part.label) :], part.label])
        raise TemplateRefused(f"the prompt includes itself: {circle}.", line=inclusion.line, where=where)
    way = (*way, part.label)
    if len(way) > MAX_INCLUDE_DEPTH:
        told = f"prompts include each other more than {MAX_INCLUDE_DEPTH} deep: {' → '.join(way)}."
        raise TemplateRefused(told, line=inclusion.line, where=where)
    if (key := (part.label, len(way), bound)) in found.seen:
        return
    found.seen.add(key)
    if len(found.seen) > _MOST_PLACES:
        raise TemplateRefused(f"prompts include each other at more than {_MOST_PLACES:,} places.", where=where)
    found.declared = merged(found.declared, _open(part.content.variables, bound))
    _use(found, part.compiled.uses, bound)
    for inner in part.compiled.includes:
        both = None if bound is None or inner.bound is None else bound | inner.bound
        _follow(found, inner, part.label, way, both, fetch)


def _open(declared: Mapping[str, Variable], bound: frozenset[str] | None) -> dict[str, Variable]:
    """The variables that an including prompt has not set at that place. Where only the data tells whether it has, those
    that can do without."""
    if bound is None:
        return {name: one for name, one in declared.items() if not one.required}
    return {name: one for name, one in declared.items() if name not in bound}


def _fetched(found: Included, inclusion: Inclusion, where: str, fetch: Fetch | None) -> Part:
    def refused(what: str) -> TemplateRefused:
        return TemplateRefused(what, line=inclusion.line, where=where)

    shown = clipped(inclusion.reference)
    if len(found.parts) >= MAX_INCLUDES:
        raise refused(f"more than {MAX_INCLUDES} prompts are included.")
    if fetch is None:
        raise refused(f"it includes {shown}, and no other prompts are at hand here.")
    try:
        source = fetch(inclusion.reference)
    except InvalidRequest as error:
        raise refused(f"it includes {shown}: {error.message}") from None
    label = f"{source.name}@{source.number}" if source.number else source.name
    if not isinstance(source.content.template, str):
        raise refused(f"it includes {label}, which is a chat; only texts can be included.")
    try:
        compiled = read_template(source.content.template, source.content.syntax)
    except TemplateRefused as error:
        raise TemplateRefused(error.what, line=error.line, where=label) from None
    variables = source.content.variables
    untrusted = tuple((name, LEVEL_OF[one.spotlight]) for name, one in variables.items() if one.untrusted)
    part = found.parts[inclusion.reference] = Part(label, compiled, source.content, untrusted)
    return part
