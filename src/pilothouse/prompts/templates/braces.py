"""The format syntax: `{name}`, `{price:.2f}`, `{@tone#production}` for another prompt, `{# a comment #}`, `{{` for `{`.

As Python's `str.format`, but without its ways into objects: neither `{x.field}` nor `{x[0]}` nor `{x!r}`, and a format
of at most three digits of width.
"""

import re
from typing import Any

from pilothouse.errors import TemplateRefused
from pilothouse.prompts.templates.limits import MAX_NODES
from pilothouse.prompts.templates.mustache import in_sequence, written
from pilothouse.prompts.templates.naming import clipped
from pilothouse.prompts.templates.run import Compiled, Fault, Inclusion, Run, Scope, Statement, Undefined, Use, include
from pilothouse.prompts.templates.values import kind_of, level_of, tainted

__all__ = ["compile_format"]

_BRACE = re.compile(r"[{}]")
_NAME = re.compile(r"[^\W\d]\w*")
_SPEC = re.compile(r"(?:[<>^]?[1-9]\d{0,2}|0\d{1,2})?,?(?:\.\d{1,2})?[defg%s]?")


def compile_format(text: str) -> Compiled:
    """Raises TemplateRefused with the line."""
    uses: dict[str, Use] = {}
    includes: list[Inclusion] = []
    steps: list[Statement] = []
    place, line, data = 0, 1, ""
    while found := _BRACE.search(text, place):
        start = found.start()
        data += text[place:start]
        line += text.count("\n", place, start)
        if text[start : start + 2] in ("{{", "}}"):
            data, place = data + text[start], start + 2
            continue
        if text.startswith("{#", start):
            place = _closed(text, start, "#}", line) + 2
            line += text.count("\n", start, place)
            continue
        if text[start] == "}":
            raise TemplateRefused("a '}' closes nothing: write '}}' for a brace.", line=line)
        end = _closed(text, start, "}", line)
        if data:
            steps.append(_data(data))
        data, place = "", end + 1
        steps.append(_place(text[start + 1 : end], line, uses, includes))
        if len(steps) > MAX_NODES:
            raise TemplateRefused(f"the template has more than {MAX_NODES:,} parts.", line=line)
    if data := data + text[place:]:
        steps.append(_data(data))
    return Compiled(in_sequence(steps), uses, tuple(includes), len(steps))


def _closed(text: str, start: int, sign: str, line: int) -> int:
    end = text.find(sign, start)
    if end < 0:
        raise TemplateRefused(
            f"'{text[start : start + len(sign)]}' is not closed: write '{{{{' for a brace.", line=line
        )
    return end


def _data(text: str) -> Statement:
    return lambda scope, run: run.write(text)


def _place(inner: str, line: int, uses: dict[str, Use], includes: list[Inclusion]) -> Statement:
    if inner.startswith("@"):
        includes.append(Inclusion(inner[1:].strip(), line))
        return include(inner[1:].strip())
    name, _, spec = inner.partition(":")
    if not _NAME.fullmatch(name) or name.startswith("__"):
        told = "a place is '{name}'; write '{{' for a brace."
        if re.search(r"[.\[!]", name):
            told = "fields, items and conversions are refused: pass the value itself as a variable."
        raise TemplateRefused(f"{clipped('{' + inner + '}')}: {told}", line=line)
    if not _SPEC.fullmatch(spec):
        told = "a format is as '>20', '08', ',.2f' or '.1%', of at most 999 characters."
        raise TemplateRefused(f"{clipped('{' + inner + '}')}: {told}", line=line)
    uses.setdefault(name, Use(line, True))

    def write(scope: Scope, run: Run) -> None:
        run.line = line
        if name not in scope:
            raise Undefined(f"'{name}' is not set here.")
        value = written(scope[name], run)
        run.emit(_formatted(name, value, spec) if spec else value)

    return write


def _formatted(name: str, value: Any, spec: str) -> str:
    level = level_of(value)
    try:
        made: str = tainted(format(str.__str__(value) if level else value, spec), level)
    except ValueError:
        raise Fault(f"'{name}', {kind_of(value)}, does not take the format '{spec}'.") from None
    return made
