"""Puts all rules to a draft: what is selected and not switched off, in the order of the text.

Rules are switched off by codes or their beginnings: for one call (`ignore`), by the prompt's settings
(`config: {lint: {disable: [P105]}}`), or by a comment in the template, `lint: disable=P105`: for the whole prompt where
the comment has a line of its own, else for its line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.content import Content, Placeholder
from pilothouse.prompts.lint.contradictions import CONTRADICTIONS
from pilothouse.prompts.lint.cost import Costs, Limits, Pricing, cost_rules, costs_of
from pilothouse.prompts.lint.draft import Declared, Draft, Part
from pilothouse.prompts.lint.finding import SEVERITIES, Finding, Rule
from pilothouse.prompts.lint.practices import PRACTICES, skipped
from pilothouse.prompts.lint.safety import SAFETY
from pilothouse.prompts.lint.variables import VARIABLES
from pilothouse.prompts.templates.checking import check, variables_of

__all__ = ["RULES", "Linter", "Report", "draft_of"]

RULES: tuple[Rule, ...] = (
    *PRACTICES, *CONTRADICTIONS, *VARIABLES, *SAFETY, *cost_rules(lambda draft: costs_of(draft, (), None, 0), Limits()),
)  # fmt: skip
"""Every rule there is, by code."""
_MOST_FINDINGS = 200  # of one rule in one prompt
_COMMENT = re.compile(r"lint:\s*disable(?:\s*=\s*([P0-9,\s]{1,400}))?", re.IGNORECASE)
_CODE = re.compile(r"P\d{0,3}")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one prompt. `notes` say what was not looked at, and why."""

    name: str
    findings: list[Finding]
    costs: Costs
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "findings": [one.to_json() for one in self.findings], "costs": self.costs.to_json(),
            "notes": self.notes,
        }  # fmt: skip

    def worst(self, severity: str) -> bool:
        """Whether something of this severity, or of a graver one, was found."""
        grave = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return any(one.severity in grave for one in self.findings)


@dataclass(frozen=True)
class Linter:
    """The rules as they were asked for. `select` and `ignore` are codes or beginnings of codes; raises InvalidRequest
    for those that no rule has."""

    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    models: Sequence[str] = ()
    pricing: Pricing | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, codes in (("select", self.select), ("ignore", self.ignore)):
            for code in codes:
                if not _CODE.fullmatch(code) or not any(rule.code.startswith(code) for rule in RULES):
                    raise InvalidRequest(f"'{code[:20]}' is the code of no rule, nor how one begins.", param=name)

    def lint(self, draft: Draft) -> Report:
        """What the rules find in a draft."""
        costs = costs_of(draft, self.models, self.pricing, self.limits.assumed_chars)
        why, notes = skipped(draft), list[str]()
        off = [*draft.disabled, *self.ignore]
        of_lines = dict[tuple[int | None, int], list[str]]()
        for message, line, codes in _comments(draft):
            if line is None:
                off += codes
            else:
                of_lines.setdefault((message, line), []).extend(codes)
        found = list[Finding]()
        for rule in (*PRACTICES, *CONTRADICTIONS, *VARIABLES, *SAFETY, *cost_rules(lambda _: costs, self.limits)):
            if not _named(rule.code, self.select or ("P",)) or _named(rule.code, off):
                continue
            if why is not None and rule in PRACTICES:
                notes = [f"The practices (P101 to P108) were not looked at. {why}"]
                continue
            for hit, _ in zip(rule.check(draft), range(_MOST_FINDINGS), strict=False):
                one = Finding.of(rule, draft, hit)
                if not _named(rule.code, of_lines.get((one.message, one.line), ())):
                    found.append(one)
        found.sort(key=lambda one: (one.message or 0, one.offset, one.code))
        return Report(draft.name, found, costs, notes)


def draft_of(
    content: Content,
    name: str = "prompt",
    lines: Sequence[int] | None = None,
    indents: Sequence[int] = (),
    included: Sequence[Content] = (),
) -> Draft:
    """The draft of a content. `lines` are those of a file on which its messages begin, `indents` their columns;
    `included` is what it includes, at any depth, where that is known."""
    place = partial(_at, lines or (), indents)
    if isinstance(content.template, str):
        parts = [Part("text", content.template, content.syntax, None, *place(0))]
    else:
        parts = [
            Part(one.role, text, content.syntax, index, *place(index))
            for index, one in enumerate(content.template) if not isinstance(one, Placeholder) for text in one.texts
        ]  # fmt: skip
    holders = [one.placeholder for one in content.template if isinstance(one, Placeholder)]
    declared = {
        name: Declared(
            one.type, one.untrusted if "untrusted" in one.model_fields_set else None, one.enum, one.default,
            one.max_chars,
        ) for name, one in content.variables.items()
    }  # fmt: skip
    return Draft(
        name, parts, content.syntax, declared or None, content.model, content.params, content.tools,
        content.response_format, content.examples, holders, _disabled(content.config.get("lint")),
        *_read(content, included), [Part("text", text, one.syntax) for one in included for text in one.texts],
    )  # fmt: skip


def _read(
    content: Content, included: Sequence[Content]
) -> tuple[frozenset[str] | None, list[tuple[int | None, int, str]]]:
    """The variables that a content names, None where it cannot be read; and what is wrong with its templates."""
    faults = [(one.message, one.line or 1, one.what) for one in check(content) if one.kind in ("syntax", "variable")]
    try:
        return frozenset(one.name for each in (content, *included) for one in variables_of(each)), faults
    except TemplateRefused:
        return None, faults


def _at(lines: Sequence[int], indents: Sequence[int], index: int) -> tuple[int, int]:
    return (lines[index] if index < len(lines) else 1), (indents[index] if index < len(indents) else 0)


def _disabled(settings: object) -> list[str]:
    """The codes that a prompt's settings switch off. Raises InvalidRequest where they are none."""
    if settings is None:
        return []
    codes = settings.get("disable", []) if isinstance(settings, dict) else None
    if not isinstance(codes, list) or not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
        told = "lint: write it as {disable: [P105, P2]}, with codes or their beginnings."
        raise InvalidRequest(told, param="config.lint")
    return codes


def _comments(draft: Draft) -> Iterator[tuple[int | None, int | None, list[str]]]:
    """(message, line of the file or None for the whole prompt, codes) of each comment that switches rules off."""
    for part in draft.parts:
        for piece in part.pieces:
            if piece.kind != "comment" or (told := _COMMENT.search(piece.text)) is None:
                continue
            codes = re.findall(r"P\d{0,3}", (told[1] or "P").upper())
            before = part.text[: piece.start].rpartition("\n")[2]
            after = part.text[piece.end :].partition("\n")[0]
            alone = not (before + after).strip()
            yield part.index, None if alone else part.place(piece.start)[0], codes


def _named(code: str, beginnings: Iterable[str]) -> bool:
    return any(code.startswith(one) for one in beginnings)
