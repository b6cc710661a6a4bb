"""Tokens of chat templates within a text: where a model is served carelessly they end a message and begin another."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.protocols import Guard, Subject

__all__ = ["TemplateTokens"]

_TOKENS = re.compile(
    r"<[|｜][\w▁/ -]{1,40}[|｜]>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG)\]|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|<\|?/?(?:tool_call|tool_response|tool_calls|function_calls)\|?>",
    re.IGNORECASE,
)
_SENTENCE_MARKS = re.compile(r"</?s>", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TemplateTokens(Guard):
    """Triggers on tokens such as `<|im_start|>` or `[INST]`; redacted, they get a blank after the first sign, which
    leaves them readable and makes plain text of them. `sentence_marks` adds `<s>` and `</s>`, which are HTML too."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"
    action: ClassVar[Action] = "redact"

    sentence_marks: bool = False
    name: str = "template_tokens"

    async def check(self, subject: Subject) -> GuardResult:
        text = subject.text
        if "<" not in text and "[" not in text:
            return GuardResult.passed(self.name)
        found = [*_TOKENS.finditer(text), *(_SENTENCE_MARKS.finditer(text) if self.sentence_marks else ())]
        if not found:
            return GuardResult.passed(self.name)
        findings = [Finding("template_token", one.start(), one.end(), _apart(one[0])) for one in found]
        return GuardResult.triggered(
            self.name, f"The text holds {len(found)} tokens of chat templates.",
            findings=tuple(sorted(findings, key=lambda one: one.start)),
        )  # fmt: skip


def _apart(token: str) -> str:
    """`< |im_start| >`, `[ INST ]`."""
    return f"{token[0]} {token[1:-1]} {token[-1]}"
