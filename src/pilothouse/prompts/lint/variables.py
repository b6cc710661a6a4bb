"""P2xx: variables that a template uses and does not declare, or declares and does not use, or writes in another syntax.

What a prompt declares is known only where it declares something: a bare template has no undefined variables.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from pilothouse.prompts.lint.draft import Draft, Spot
from pilothouse.prompts.lint.finding import Hit, Rule, at, whole

__all__ = ["VARIABLES"]

_EXAMPLES = "examples"  # what stands for the few-shot examples of a prompt that has some
_SINGLE = re.compile(r"(?<![{$%#\\])\{ ?([A-Za-z_]\w{1,63}) ?\}(?!\})")
_DOUBLE = re.compile(r"\{\{\{?\s*([A-Za-z_]\w{0,63})(?:\s*\|[^{}\n]{0,100})?\s*\}?\}\}")
_DOLLAR = re.compile(r"\$\{?([A-Za-z_]\w{0,63})\}?")
_WAYS = {"jinja": "{{{{ {} }}}}", "mustache": "{{{{{}}}}}", "format": "{{{}}}"}


def _undefined(draft: Draft) -> Iterator[Hit]:
    if draft.variables is None:
        return
    for name in sorted(draft.named or ()):
        spot = draft.used.get(name) or whole(draft)
        if name in draft.variables or (name == _EXAMPLES and draft.examples):
            continue
        near = get_close_matches(name[:64], [*draft.variables], 1, 0.75)
        yield Hit(
            spot, f"The variable '{name}' is used and not declared." + (f" Is '{near[0]}' meant?" if near else ""),
            "Whoever renders the prompt is told that the variable is unknown, or that it is missing.",
            _WAYS[draft.syntax].format(near[0]) if near else f"variables:\n  {name}: {{type: string}}",
        )  # fmt: skip


def _unused(draft: Draft) -> Iterator[Hit]:
    if draft.includes or draft.named is None:  # what is taken in may use it
        return
    for name in draft.variables or ():
        if name not in draft.named:
            yield Hit(
                whole(draft), f"The variable '{name}' is declared and not used.",
                "Callers must give what changes nothing, or a line that used it got lost.",
                f"Take '{name}' out of `variables`, or use it: {_WAYS[draft.syntax].format(name)}",
            )  # fmt: skip


def _other_syntax(draft: Draft) -> Iterator[Hit]:
    """`{name}` in a Jinja template, `{{ name }}` in one of `format`: these are sent as they stand."""
    pattern = _DOUBLE if draft.syntax == "format" else _SINGLE
    seen = set[str]()
    bare = not draft.used
    for part in draft.parts:
        for found in pattern.finditer(part.prose):
            if found[1] not in seen and (found[1] in (draft.variables or ()) or bare):
                seen.add(found[1])
                yield _mistaken(draft, found[1], at(part, *found.span()), found.group())
        for found in _DOLLAR.finditer(part.prose):
            if found[1] in (draft.variables or ()) and found[1] not in seen and found[1] not in draft.used:
                seen.add(found[1])
                yield _mistaken(draft, found[1], at(part, *found.span()), found.group())


def _mistaken(draft: Draft, name: str, spot: Spot, written: str) -> Hit:
    way = _WAYS[draft.syntax].format(name)
    return Hit(
        spot, f"'{written}' is no variable in the syntax '{draft.syntax}'.",
        "The model gets these signs as they stand, and not the value.", f"{way}, or another `syntax`",
    )  # fmt: skip


def _faulty(draft: Draft) -> Iterator[Hit]:
    for message, line, what in draft.faults:
        yield Hit(
            draft.line_of(message, line), what[:1].upper() + what[1:],
            "A prompt that cannot be rendered is refused by the registry, and by whoever asks with it.",
            "Templates say what is allowed: docs/prompt-templates.md.",
        )  # fmt: skip


VARIABLES = (
    Rule("P201", "undefined-variable", "error", _undefined),
    Rule("P202", "unused-variable", "warning", _unused),
    Rule("P203", "other-syntax", "warning", _other_syntax),
    Rule("P204", "faulty-template", "error", _faulty),
)
"""What a template and its declared variables must agree on."""
