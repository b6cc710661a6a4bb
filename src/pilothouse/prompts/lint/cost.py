"""P4xx: how long a prompt is, what a call of it may cost with each model, and how much of it providers can keep cached.

Tokens are estimated, and so is what a variable will hold where the prompt does not bound it: figures say by how much.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Protocol

from pilothouse.observe.money import usd
from pilothouse.prompts.lint.draft import Draft, Part
from pilothouse.prompts.lint.enclosing import holds_text
from pilothouse.prompts.lint.finding import Hit, Rule, at, whole
from pilothouse.prompts.lint.pieces import Piece
from pilothouse.prompts.lint.tokens import tokens

__all__ = ["ASSUMED_CHARS", "Costs", "Limits", "ModelCost", "Pricing", "cost_rules", "costs_of"]

ASSUMED_CHARS = 2000
"""Characters of a variable for which the prompt names no bound, unless the caller says otherwise."""
USUAL_ANSWER = 256
"""Tokens of an answer where the prompt sets no limit."""
_OF_A_MESSAGE = 4  # tokens around each message
_CHARS_A_TOKEN = 4
_SHORT = {"integer": 8, "number": 12, "boolean": 5}  # characters
_LEAST_CACHED = 1024
"""Tokens of the shortest beginning that providers keep: OpenAI's prompt caching guide; Anthropic's for most models."""
_WORTH_MOVING = 512  # tokens
_EACH_CALL = re.compile(r"date|time|now|today|_id$|^id$|uuid|session|user|random|seed|history|results?$", re.IGNORECASE)
_ANSWER_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class Pricing(Protocol):
    """What is known of models by name. Nano-USD; None is unknown, never free."""

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> int | None: ...

    def window(self, model: str) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a prompt may come to; None is no limit. `nano` is the cost of a call."""

    tokens: int | None = None
    nano: int | None = None
    assumed_chars: int = ASSUMED_CHARS


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a call costs with a model, in nano-USD, None where its price is not known; and the model's longest input."""

    model: str
    nano: int | None
    window: int | None


@dataclass(frozen=True, slots=True)
class Costs:
    """Tokens as they are estimated: of what is `written`, of a whole `input` with its variables filled, of the answer.
    `cached` of the written ones stand before the first variable, `cacheable` would if what changes came last.
    `assumed` says in a sentence what was taken for granted."""

    written: int
    input: int
    answer: int
    cached: int
    cacheable: int
    models: list[ModelCost]
    assumed: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def costs_of(draft: Draft, models: Sequence[str], pricing: Pricing | None, assumed_chars: int) -> Costs:
    """The figures of a prompt, with these models beside its own."""
    cached, cacheable = _cached(draft)
    written = sum(map(tokens, _texts(draft))) + _OF_A_MESSAGE * len(draft.parts) + _beside(draft)
    filled = sum(-(-_length(draft, name, assumed_chars) // _CHARS_A_TOKEN) for name in _inserted(draft))
    limit = next((told for key in _ANSWER_LIMITS if type(told := draft.params.get(key)) is int and told > 0), None)
    answer, whole_input = limit or USUAL_ANSWER, written + filled
    named = dict.fromkeys(chain([draft.model] if draft.model else [], models))
    known = [
        ModelCost(
            model, pricing.cost(model, whole_input, answer) if pricing else None,
            pricing.window(model) if pricing else None,
        ) for model in named
    ]  # fmt: skip
    return Costs(
        written, whole_input, answer, cached, cacheable, known, _assumed(draft, assumed_chars, limit is None)
    )  # fmt: skip


def _assumed(draft: Draft, assumed_chars: int, usual: bool) -> str:
    open_ones = [name for name in dict.fromkeys(_inserted(draft)) if _bound(draft, name) is None]
    told = [f"{assumed_chars:,} characters for each of: {', '.join(open_ones[:6])}"] if open_ones else []
    told += [f"an answer of {USUAL_ANSWER} tokens"] if usual else []
    return f"Assumed: {'; '.join(told)}." if told else "All lengths are bounded by the prompt."


def _texts(draft: Draft) -> Iterator[str]:
    """What is sent as it stands."""
    for part in (*draft.parts, *draft.included):
        yield from (piece.text for piece in part.pieces if piece.kind == "text")


def _beside(draft: Draft) -> int:
    """Tokens of tools, response format and examples, which are sent, too."""
    return sum(tokens(str(one)) for one in (*draft.tools, *draft.examples, *filter(None, (draft.response_format,))))


def _inserted(draft: Draft) -> list[str]:
    """Each variable as often as it is written out; placeholders of messages, too."""
    names = [
        name for part in draft.parts for piece in part.pieces if piece.kind == "variable" for name in piece.names[:1]
    ]
    return [*names, *draft.placeholders]


def _bound(draft: Draft, name: str) -> int | None:
    told = draft.declared(name)
    if told is None:
        return None
    if told.enum:
        return max(len(str(one)) for one in told.enum)
    return told.max_chars or _SHORT.get(told.type)


def _length(draft: Draft, name: str, assumed_chars: int) -> int:
    bound = _bound(draft, name)
    return assumed_chars if bound is None else bound


def _cached(draft: Draft) -> tuple[int, int]:
    """Tokens before the first thing that changes from call to call, and all that never change."""
    included = sum(tokens(piece.text) for part in draft.included for piece in part.pieces if piece.kind == "text")
    before, everything, steady = _beside(draft), _beside(draft) + included, True
    for part in draft.parts:
        for piece in part.pieces:
            if piece.kind == "text":
                count = tokens(piece.text)
                everything += count
                before += count if steady else 0
            elif piece.kind == "include":
                before, included = before + (included if steady else 0), 0  # all of it at its first place
            elif _changing(draft, piece):
                steady = False
    return before, everything


def _changing(draft: Draft, piece: Piece) -> bool:
    """Whether what stands here differs from call to call: texts, and what names a time, a person or a call. A language
    or a limit is as a rule set once."""
    if piece.kind not in ("variable", "tag"):
        return False
    return any(holds_text(draft, name) or _EACH_CALL.search(name) is not None for name in piece.names)


def _changes(draft: Draft) -> Iterator[tuple[Part, Piece]]:
    for part in draft.parts:
        for piece in part.pieces:
            if _changing(draft, piece):
                yield part, piece


def cost_rules(figures: Callable[[Draft], Costs], limits: Limits) -> tuple[Rule, ...]:
    """The rules over the figures of a draft, held against these limits."""

    def too_long(draft: Draft) -> Iterator[Hit]:
        told = figures(draft)
        for one in told.models:
            if one.window is not None and told.input + told.answer > one.window:
                yield Hit(
                    whole(draft), f"About {told.input:,} tokens and an answer of {told.answer:,} do not fit "
                                  f"{one.model}, which takes {one.window:,}.",
                    f"The provider refuses such a call. {told.assumed}",
                    "Bound the variables with `max_chars`, or take a model with a longer window.",
                )  # fmt: skip
        if limits.tokens is not None and told.input > limits.tokens:
            yield Hit(
                whole(draft), f"About {told.input:,} tokens; the limit is {limits.tokens:,}.", told.assumed,
                f"It has {told.written:,} tokens of its own: shorten these, or bound the variables with `max_chars`.",
            )  # fmt: skip

    def too_dear(draft: Draft) -> Iterator[Hit]:
        told = figures(draft)
        for one in told.models:
            if limits.nano is not None and one.nano is not None and one.nano > limits.nano:
                yield Hit(
                    whole(draft), f"A call of {one.model} costs about {usd(one.nano)}; the limit is "
                                  f"{usd(limits.nano)}.", told.assumed,
                    "Take a smaller model, a shorter prompt, or a lower limit of the answer's tokens.",
                )  # fmt: skip

    def uncached(draft: Draft) -> Iterator[Hit]:
        told = figures(draft)
        reached = told.cached if told.cached >= _LEAST_CACHED else 0
        if told.cacheable < _LEAST_CACHED or told.cacheable - reached < _WORTH_MOVING:
            return
        for part, piece in _changes(draft):
            yield Hit(
                at(part, piece.start, piece.end),
                f"'{(piece.names or ('this',))[0]}' stands before text that never changes: about {reached:,} tokens "
                f"can be cached as it is, "
                f"{told.cacheable:,} if what changes came last.",
                f"Providers keep the beginning of a prompt from {_LEAST_CACHED:,} tokens on, up to the first sign "
                f"that differs, and take less for it.",
                "Put instructions and examples first, and the variables at the end.",
            )  # fmt: skip
            return

    return (
        Rule("P401", "too-long", "warning", too_long),
        Rule("P402", "too-dear", "warning", too_dear),
        Rule("P403", "prefix-cache", "advice", uncached),
    )
