"""Two versions of a prompt side by side: the words of their templates, then variables, model, tools and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.console.differing import Change, changes
from pilothouse.console.prompting import shown_json
from pilothouse.console.wording import Fold, folded, side_by_side
from pilothouse.prompts.content import Content, Message
from pilothouse.types import Json

__all__ = ["Versus", "template_text", "versus"]

_MOST_ROWS = 1500


@dataclass(frozen=True, slots=True)
class Versus:
    """The template in stretches, of which `changed` lines differ; where these are too many the rest is `cut`. `rest`
    are the other parts that differ, by title."""

    folds: Sequence[Fold]
    changed: int
    cut: bool
    rest: Sequence[tuple[str, Sequence[Change]]]


def versus(old: Content, new: Content, *, whole: bool = False) -> Versus:
    """What differs. With `whole` what is alike is not folded away."""
    rows = side_by_side(template_text(old), template_text(new))
    changed = sum(not row.same for row in rows)
    cut = len(rows) > _MOST_ROWS
    shown = rows[:_MOST_ROWS] if whole else rows
    folds = [Fold(shown, hidden=False)] if whole and shown else folded(rows) if changed else []
    if not whole:
        folds, cut = _first(folds)
    before, after = _parts(old), _parts(new)
    rest = [(title, found) for title in before if (found := changes(before[title], after[title]))]
    return Versus(folds, changed, cut, rest)


def template_text(content: Content) -> str:
    """A template as one text; of a chat each message under its role."""
    if isinstance(content.template, str):
        return content.template
    return "\n\n".join(_message(one) for one in content.template)


def _message(one: Any) -> str:
    if not isinstance(one, Message):
        return f"[messages of {one.placeholder}]"
    told = one.model_dump(mode="json", exclude_none=True)
    extra = {name: value for name, value in told.items() if name not in ("role", "content")}
    text = one.content if isinstance(one.content, str) else shown_json(told.get("content")) if one.content else ""
    return f"[{one.role}]\n{text}" + (f"\n{shown_json(extra)}" if extra else "")


def _parts(content: Content) -> dict[str, Json]:
    told = content.to_json()
    return {
        "Kind and syntax": {"type": content.type, "syntax": content.syntax},
        "Variables": {name: _said(one) for name, one in told["variables"].items()},
        "Model and parameters": {"model": content.model, **told["params"]},
        "Tools": _named(told["tools"]),
        "Response format": told["response_format"] or {},
        "Examples": {str(n): one for n, one in enumerate(told["examples"], 1)},
        "Guards": {"guards": told["guards"]},
        "Free configuration": told["config"],
    }


def _said(variable: Json) -> Json:
    """What is said of a variable; `type` tells that it is there."""
    said = {name: value for name, value in variable.items() if value not in (None, False, "")}
    return said if variable.get("untrusted") else {name: one for name, one in said.items() if name != "spotlight"}


def _named(tools: Sequence[Json]) -> Json:
    """Tools by their names, where each has one of its own: one that is put in between changes no other."""
    inside = [one.get("function") or one for one in tools]
    names = [one["name"] for one in inside if isinstance(one, dict) and isinstance(one.get("name"), str)]
    if len(set(names)) < len(tools):
        names = [str(number) for number in range(1, len(tools) + 1)]
    return dict(zip(names, tools, strict=True))


def _first(folds: Sequence[Fold]) -> tuple[list[Fold], bool]:
    """As many stretches as a page can show."""
    found, left = [], _MOST_ROWS
    for fold in folds:
        rows = fold.rows if fold.hidden else fold.rows[:left]
        found.append(Fold(rows, fold.hidden))
        left -= 0 if fold.hidden else len(rows)
        if len(rows) < len(fold.rows) or left <= 0:
            return found, True
    return found, False
