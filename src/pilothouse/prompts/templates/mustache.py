"""Mustache: variables, sections, inverted sections, partials and comments, as mustache(5) has them.

Nothing is escaped for HTML, a name that is nowhere is an error, and there are neither lambdas nor other delimiters.
A section, comment or partial alone on its line leaves no empty line; partials are not indented.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pilothouse.errors import TemplateRefused
from pilothouse.prompts.templates.limits import MAX_DEPTH, MAX_NODES
from pilothouse.prompts.templates.naming import clipped, nearest
from pilothouse.prompts.templates.run import Compiled, Inclusion, Run, Scope, Statement, Undefined, Use, include
from pilothouse.prompts.templates.values import as_json, kind_of, tainted

__all__ = ["compile_mustache", "in_sequence", "written"]

_NAME = re.compile(r"\.|[\w-]+(?:\.[\w-]+)*")
_ALONE = "#^/!>"


@dataclass
class _Section:
    name: str
    line: int
    inverted: bool
    start: int
    body: list[Statement] = field(default_factory=list)


def compile_mustache(text: str) -> Compiled:
    """Raises TemplateRefused with the line."""
    return _Reader(text).read()


def written(value: Any, run: Run) -> Any:
    """A value as Mustache and the format syntax write it: nothing for None, `true`, JSON for lists and objects."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if value is None:
        return ""
    level, chars = run.measure(value)
    run.charge_text(chars)
    return tainted(as_json(value), level)


def in_sequence(steps: list[Statement]) -> Statement:
    """All of them, one after the other."""

    def run_all(scope: Scope, run: Run) -> None:
        for step in steps:
            step(scope, run)

    return run_all


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = self.seen = self.nodes = 0
        self.line = 1
        self.uses: dict[str, Use] = {}
        self.includes: list[Inclusion] = []
        self.open = [_Section("", 1, False, 0)]

    def read(self) -> Compiled:
        text = self.text
        while (start := text.find("{{", self.place)) >= 0:
            triple = text.startswith("{{{", start)
            close = "}}}" if triple else "}}"
            end = text.find(close, start + len(close))
            self._reach(start)
            if end < 0:
                raise TemplateRefused(f"'{'{' * len(close)}' is not closed.", line=self.line)
            inner = text[start + len(close) : end]
            kind = inner[:1] if inner[:1] in tuple("#^/!>&=") and not triple else ""
            begin, after = start, end + len(close)
            if kind and kind in _ALONE:
                begin, after = self._line_of(start, after)
            self._data(text[self.place : begin])
            self.place = after
            self._tag(kind, inner[len(kind) :].strip())
        self._data(text[self.place :])
        if len(self.open) > 1:
            last = self.open[-1]
            raise TemplateRefused(f"the section '{last.name}' is not closed.", line=last.line)
        return Compiled(in_sequence(self.open[0].body), self.uses, tuple(self.includes), self.nodes)

    def _reach(self, place: int) -> None:
        self.line += self.text.count("\n", self.seen, place)
        self.seen = place

    def _line_of(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of a tag: its whole line where it stands alone on it."""
        text, begin, after = self.text, start, end
        while begin > self.place and text[begin - 1] in " \t":
            begin -= 1
        while after < len(text) and text[after] in " \t\r":
            after += 1
        first = begin == 0 or text[begin - 1] == "\n"
        last = after == len(text) or text[after] == "\n"
        return (begin, min(after + 1, len(text))) if first and last else (start, end)

    def _data(self, text: str) -> None:
        if text:
            self._add(lambda scope, run: run.write(text))

    def _add(self, step: Statement) -> None:
        self._count()
        self.open[-1].body.append(step)

    def _count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TemplateRefused(f"the template has more than {MAX_NODES:,} parts.", line=self.line)

    def _tag(self, kind: str, name: str) -> None:
        if kind == "!":
            return self._count()
        if kind == "=":
            raise TemplateRefused("other delimiters are not supported.", line=self.line)
        if kind == ">":
            self.includes.append(Inclusion(name, self.line, None if len(self.open) > 1 else frozenset()))
            return self._add(include(name))
        if not _NAME.fullmatch(name):
            raise TemplateRefused(f"{clipped(name)} is no name.", line=self.line)
        if kind == "/":
            return self._close(name)
        if name.startswith("__") or ".__" in name:
            raise TemplateRefused(f"{clipped(name)}: names do not begin with two underscores.", line=self.line)
        if kind in "#^" and kind:
            if len(self.open) > MAX_DEPTH:
                raise TemplateRefused(f"sections are nested more than {MAX_DEPTH} deep.", line=self.line)
            self._use(name, required=False)
            return self.open.append(_Section(name, self.line, kind == "^", self.nodes))
        self._use(name, required=all(section.inverted for section in self.open[1:]))
        return self._add(_variable(name, self.line))

    def _close(self, name: str) -> None:
        section = self.open[-1]
        if len(self.open) == 1 or section.name != name:
            told = f"the open one is '{section.name}'" if len(self.open) > 1 else "no section is open"
            raise TemplateRefused(f"'{name}' is closed, but {told}.", line=self.line)
        self.open.pop()
        self._add(_section(section, self.nodes - section.start + 1))

    def _use(self, name: str, required: bool) -> None:
        first = name.partition(".")[0]
        if first:
            known = self.uses.get(first)
            self.uses[first] = Use(known.line if known else self.line, required or bool(known and known.required))


def _lookup(name: str) -> Callable[[Scope], Any]:
    first, *rest = [name] if name == "." else name.split(".")

    def found(scope: Scope) -> Any:
        if first not in scope:
            raise Undefined(f"'{first}' is not set here.{nearest(first, (key for key in scope if key != '.'))}")
        value = scope[first]
        for step in rest:
            if not isinstance(value, dict) or step not in value:
                told = nearest(step, value) if isinstance(value, dict) else ""
                raise Undefined(f"{kind_of(value)} has no '{step}'.{told}")
            value = value[step]
        return value

    return found


def _variable(name: str, line: int) -> Statement:
    look = _lookup(name)

    def write(scope: Scope, run: Run) -> None:
        run.line = line
        run.emit(written(look(scope), run))

    return write


def _section(section: _Section, cost: int) -> Statement:
    look, body, line = _lookup(section.name), in_sequence(section.body), section.line

    def value_of(scope: Scope, run: Run) -> Any:
        run.line = line
        try:
            return look(scope)
        except Undefined:
            return None

    def inverted(scope: Scope, run: Run) -> None:
        value = value_of(scope, run)
        if value is None or value is False or value in ("", []):
            body(scope, run)

    def each(scope: Scope, run: Run) -> None:
        value = value_of(scope, run)
        if value is None or value is False or value == "":
            return
        for item in value if isinstance(value, list) else [value]:
            held = item if isinstance(item, dict) else {}
            run.charge(cost + (len(scope) + len(held)) // 16)
            body({**scope, **held, ".": item}, run)

    return inverted if section.inverted else each
