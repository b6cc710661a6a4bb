"""P1xx: what a prompt usually lacks when its answers vary: format, delimiters, examples, reasoning, role, constraints,
schema, and what to do when it cannot answer. Each tells what is missing, never that something is there.
"""

import re
from collections.abc import Iterator

from pilothouse.prompts.lint.draft import Draft
from pilothouse.prompts.lint.enclosing import enclosed, from_users, holds_text, labelled, words_in
from pilothouse.prompts.lint.finding import Hit, Rule, at, whole
from pilothouse.prompts.lint.safety import told_there
from pilothouse.prompts.lint.tasks import asks
from pilothouse.prompts.lint.words import LANGUAGES, language, shows

__all__ = ["PRACTICES", "skipped"]

_FEWEST_WORDS = 6  # of a prompt that practices are asked of: what is shorter is a piece of one
_REASONERS = re.compile(r"\bo[1345](?:-|$)|gpt-5|gpt-oss|deepseek-r|reason|think|qwq|magistral|r1\b", re.IGNORECASE)
_LIMITS = re.compile(
    r"max|min|^num_|count|limit|length|words|top_k|instruction|criteria|rubric|guideline|rules", re.IGNORECASE
)
_UNEXPLAINED = re.compile(
    r"\b(?:no|not|don't|without|never|avoid|ohne|keine|sans|sin)\b[^.,;\n]{0,40}\b(?:expla\w+|reason\w*|justif\w+|"
    r"rationale|"
    r"begründ\w+|erklär\w+|expli\w+)", re.IGNORECASE
)  # fmt: skip
_FORMED = ("labels", "reasoning", "judgement", "structure")
_ITEM = re.compile(r"\n[ \t]*(?:[-*•]|\d+[.)])[^\n]*\Z")  # a step among others, not what is asked for
_ALWAYS_DONE = re.compile(
    r"\b(?:translat\w+|rephras\w+|rewrit\w+|paraphras\w+|(?:write|create|produce|give)\b[^.\n]{0,30}\bsummary|"
    r"summari[sz]e (?:the|this)|stor(?:y|ies)|poems?|fiction\w*|creative|slides?|imagine|(?:scale|score|integer|"
    r"number) "
    r"[^.\n]{0,20}\d(?:\.\d)? ?(?:to|and|-|–) ?\d|[\d.]+ ?- ?[\d.]+ scale|"
    r"übersetz\w+|fasse\b|tradui\w+|résume\w*|reformul\w+|traduc\w+|resum[ae]\b)", re.IGNORECASE
)  # fmt: skip
"""Work that can be done to any input, so that there is no answer to be missed: a scale takes a bad one, too."""
_PLAYED = re.compile(r"\b(?:role[- ]?play\w*|(?:this|the \w+) game)\b", re.IGNORECASE)
"""Whoever sets up a game says elsewhere who plays whom, and answers are free."""
_SHOTS = re.compile(r"example|shots|demonstration|beispiel|exemple|ejemplo", re.IGNORECASE)
_SHAPES = re.compile(r"format|schema|instruction|structure|template|fields|columns", re.IGNORECASE)


def skipped(draft: Draft) -> str | None:
    """Why the practices are not asked of this prompt; None where they are."""
    if draft.includes:
        return "It includes other prompts, which may follow the practices for it."
    told = language(draft.prose)
    if told is not None and told not in LANGUAGES:
        return f"It is in '{told}'; the words of the practices are known in {', '.join(LANGUAGES)}."
    if words_in(draft.prose) < _FEWEST_WORDS and not shows("acting", draft.prose):
        return f"It has fewer than {_FEWEST_WORDS} words of its own."
    if told is None:
        return f"Its language cannot be told; the words of the practices are known in {', '.join(LANGUAGES)}."
    if asks("anything", draft.prose, told) is None:
        return "It asks for nothing: it seems to be a piece of a prompt."
    return None


def _format(draft: Draft) -> Iterator[Hit]:
    if draft.response_format or shows("format", draft.prose) or shows("examples", draft.prose) or draft.examples:
        return
    if _named(draft, _SHAPES) or _named(draft, _SHOTS) or _PLAYED.search(draft.prose):
        return
    if draft.starts_a_chat and not any(asks(one, draft.prose, language(draft.prose)) for one in _FORMED):
        return  # a chat, in which people ask for the form that they want
    yield Hit(
        whole(draft), "It does not say what form the answer has.",
        "Without a form the model picks one each time, and a program cannot read it.",
        "Answer in at most three sentences of plain text, without a heading or a list.",
    )  # fmt: skip


def _delimiters(draft: Draft) -> Iterator[Hit]:
    told = set[str]()
    for part in draft.parts:
        for piece in part.inserted:
            names = [name for name in piece.names if holds_text(draft, name) and name not in told]
            if not names or (told_there(part) and any(from_users(draft, name) for name in piece.names)):
                continue
            if enclosed(draft, part, piece) or labelled(part, piece) or not words_in(part.prose):
                continue
            told.update(names)
            yield Hit(
                at(part, piece.start, piece.end), f"What '{names[0]}' brings in is not set apart from the text "
                                                  f"around it.",
                "The model cannot tell where inserted text ends and the instructions go on.",
                f"<{names[0]}>\n{piece.text}\n</{names[0]}>",
            )  # fmt: skip


def _examples(draft: Draft) -> Iterator[Hit]:
    told = language(draft.prose)
    asked = asks("labels", draft.main.prose, told)
    if asked is None and (draft.response_format or asks("structure", draft.prose, told)):
        asked = asks("extraction", draft.main.prose, told)
    if (
        asked is None
        or _ITEM.search(draft.main.prose[: asked.end()])
        or draft.examples
        or draft.placeholders
        or any(part.role == "assistant" for part in draft.parts)
    ):
        return
    if shows("examples", draft.prose) or _named(draft, _SHOTS):
        return
    yield Hit(
        at(draft.main, *asked.span()), f"It asks to '{_word(asked[0])}' and shows no example of it.",
        "Where labels or fields must come out alike each time, two or three examples do more than rules.",
        "Example\nInput: The parcel came two weeks late.\nOutput: delivery",
    )  # fmt: skip


def _reasoning(draft: Draft) -> Iterator[Hit]:
    told = language(draft.prose)
    asked = asks("reasoning", draft.main.prose, told)
    if asked is None and asks("verdict", draft.prose, told) is not None:
        asked = asks("judgement", draft.main.prose, told)
    if asked is None or shows("reasoning", _UNEXPLAINED.sub("", draft.prose)) or _REASONERS.search(draft.model or ""):
        return
    if any(key in draft.params for key in ("reasoning_effort", "reasoning", "thinking")):
        return
    structured = bool(draft.response_format) or asks("structure", draft.prose, told) is not None
    yield Hit(
        at(draft.main, *asked.span()), f"It asks to '{_word(asked[0])}' and leaves no room to reason.",
        "A model that writes its steps down before the result is right more often on tasks of several steps.",
        'Put a field "reasoning" before the result, with the steps that lead to it.' if structured
        else "Think step by step first. Then write the result alone in the last line.",
    )  # fmt: skip


def _role(draft: Draft) -> Iterator[Hit]:
    if shows("role", draft.prose) or _PLAYED.search(draft.prose):
        return
    yield Hit(
        whole(draft), "It gives the model no role.", "A role sets vocabulary, depth and whom the answer is for.",
        "You are a support engineer who answers customers of an online shop.",
    )  # fmt: skip


def _constraints(draft: Draft) -> Iterator[Hit]:
    if shows("constraints", draft.prose) or _named(draft, _LIMITS):
        return
    yield Hit(
        whole(draft), "It sets no limits: no length, nothing to leave out, nothing to stay with.",
        "What is not limited grows: longer answers, topics of their own, made-up detail.",
        "Use only what the text says. Write at most 100 words. Leave out greetings.",
    )  # fmt: skip


def _schema(draft: Draft) -> Iterator[Hit]:
    given = draft.response_format or {}
    bare = given.get("type") == "json_object" and "schema" not in given
    told = language(draft.prose)
    asked = asks("structure", draft.prose, told)
    if (given and not bare) or (asked is None and not bare) or shows("fields", draft.prose) or _named(draft, _SHAPES):
        return
    spot = whole(draft)
    if asked is not None:
        spot = next(
            (at(part, *found.span()) for part in draft.parts if (found := asks("structure", part.prose, told))), spot
        )
    yield Hit(
        spot, "It asks for structured output and names none of its fields.",
        "Names and types of the fields then change from call to call.",
        'Answer with a JSON object: {"category": one of "billing", "delivery", "other"; "confidence": a number from '
        '0 to 1}. '
        "Or set `response_format` to a JSON Schema.",
    )  # fmt: skip


def _edges(draft: Draft) -> Iterator[Hit]:
    if shows("edges", draft.prose) or _ALWAYS_DONE.search(draft.prose) or _PLAYED.search(draft.prose):
        return
    yield Hit(
        whole(draft), "It does not say what to do when the input is empty, off topic or not enough to answer.",
        "Then the model invents an answer, in a form that looks like all others.",
        "If the text does not hold the answer, reply only: I do not know.",
    )  # fmt: skip


def _named(draft: Draft, pattern: re.Pattern[str]) -> bool:
    """Whether a variable is named like this: what is looked for may come with it."""
    return any(pattern.search(name) for name in draft.used)


def _word(found: str) -> str:
    return " ".join(found.split())[:40].lower()


PRACTICES = (
    Rule("P101", "output-format", "advice", _format),
    Rule("P102", "delimiters", "advice", _delimiters),
    Rule("P103", "examples", "advice", _examples),
    Rule("P104", "reasoning", "advice", _reasoning),
    Rule("P105", "role", "advice", _role),
    Rule("P106", "constraints", "advice", _constraints),
    Rule("P107", "output-schema", "advice", _schema),
    Rule("P108", "edge-cases", "advice", _edges),
)
"""The eight practices. They are asked of prompts in a language whose words are known; see `skipped`."""
