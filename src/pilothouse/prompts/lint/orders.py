"""P153 and P156: what a prompt demands in one place and forbids in another. Knows the words of `words.LANGUAGES`."""

import re
from collections.abc import Iterator

from pilothouse.prompts.lint.draft import Draft
from pilothouse.prompts.lint.finding import Hit, Rule
from pilothouse.prompts.lint.instructions import CASES, PARTIAL, Said, against, sentences
from pilothouse.prompts.lint.tasks import asks
from pilothouse.prompts.lint.words import language

__all__ = ["ORDERS"]

_ALWAYS = re.compile(
    r"\b(?:always|must|immer|stets|toujours|siempre)\s+(?!not\b|never\b|nicht\b)([^.;:,!?\n]{3,80})", re.IGNORECASE
)
_NEVER = re.compile(
    r"\b(?:never|do not|don't|must not|under no circumstances|niemals|nie|jamais|nunca)\s+(?:ever "
    r")?([^.;:,!?\n]{3,80})",
    re.IGNORECASE,
)
_ORDER = re.compile(r"[\s*•\d.)-]{0,10}([a-z][^.;:,!?\n]{3,80})", re.IGNORECASE)  # whatever opens a sentence may be one
_ALONE = re.compile(
    r"\b(?:nothing else|no (?:other|additional|extra) (?:text|words|output)|any other text|single word|(?:return|"
    r"output|respond|reply|answer|say|generate)"
    r"\b[^.\n]{0,12}\bonly\b|only (?:return|output|respond|reply|answer|say|generate)|(?:no|without(?: any)?) "
    r"(?:explanations?|"
    r"comments?|justification|preamble)|(?:do not|don't|never) (?:(?!just|only|simply)\w+ ){0,3}(?:explain|"
    r"explanations?|justify|preamble)|"
    r"(?:nichts weiter|sonst nichts|keine erklärung\w*)|(?:rien d'autre|sans explication)|(?:nada más|sin "
    r"explicaci\w+))\b",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"[\s*•\d.)-]{0,10}(?:please |then |also )?(?:(?:explain(?! how| what| where)|justify|comment on|elaborate on|"
    r"(?:say|state|describe|tell) why)\b|"
    r"(?:give|add|provide|write|include)\b[^.\n]{0,40}\b(?:reasons?|explanations?|justification|explains|why|remark)\b|"
    r"(?:begin|start|open|end|finish|close) with an? (?:\w+ )?(?:greeting|introduction|summary|remark|overview)|"
    r"(?:begründe|erkläre)\b|(?:justifie[rz]?|explique[rz]?)\b|(?:justifi\w+|explica|explique)\b)", re.IGNORECASE
)  # fmt: skip
_BETWEEN = re.compile(
    r"\b(?:reasoning|thoughts?|thinking|scratchpad|step[- ]by[- ]step|final answer|last line)\b|</", re.IGNORECASE
)
_OF_A_FIELD = re.compile(r"\b(?:fields?|keys?|values?|columns?|propert\w+)\b|`|[\"']\w+[\"']", re.IGNORECASE)
_THINGS = (
    r"((?:sub)?titles?|headings?|headers?|introductions?|preambles?|conclusions?|notes?|comments?|emojis?|links?|"
    r"citations?|"
    r"footnotes?|greetings?|disclaimers?|quotes?|abbreviations?|backticks?|code (?:block|fence)s?|bullet points?|"
    r"tables?)"
)
_NO_THING = re.compile(
    r"\b(?:no|without|(?:do not|don't|never|avoid) (?:use|using|add|adding|include|including|write|writing|insert|put))"
    rf"(?: \w+){{0,2}}? {_THINGS}(?=\s*(?:[.,;!\n]|or\b|and\b|$))", re.IGNORECASE
)  # fmt: skip
_THING = re.compile(
    r"[\s*•\d.)-]{0,10}(?:please |also |always )?(?:add|include|use|give|put|insert|write|wrap|begin|start|end|"
    r"finish)\b"
    rf"[^.\n]{{0,40}}?\b{_THINGS}\b", re.IGNORECASE
)  # fmt: skip
_ALIKE = {
    "heading": "title", "header": "title", "subtitle": "title", "introduction": "preamble", "backtick": "code block",
    "code fence": "code block",
}  # fmt: skip
_ARTICLES = (
    "a an the any your its it to of in and or is be that this with for ein eine einen der die das den le la les un "
    "une des el los las una"
)
_LITTLE = frozenset(_ARTICLES.split())


def _orders(draft: Draft) -> Iterator[Hit]:
    """`never X` beside `always X` or `X`; and a thing that is to be put into the answer and kept out of it."""
    always, never = list[tuple[tuple[str, ...], Said]](), list[tuple[tuple[str, ...], Said]]()
    for part, start, sentence in sentences(draft):
        if "`" in sentence:  # of names of code the first words alone say little
            continue
        for found, told in (
            (_NEVER.search(sentence), never), (_ALWAYS.search(sentence), always), (_opens(_ORDER, sentence), always),
        ):  # fmt: skip
            if found is not None and (words := _gist(found[1])):
                told.append((words, Said("", part, start + found.start(), start + found.end())))
                break
    for part, start, sentence in sentences(draft, CASES):
        for found in _NO_THING.finditer(sentence):
            never.append((_thing(found[1]), Said("", part, start + found.start(), start + found.end())))
        if (found := _opens(_THING, sentence)) is not None and _OF_A_FIELD.search(sentence) is None:
            always.append((_thing(found[1]), Said("", part, start + found.start(), start + found.end())))
    by_gist = dict(reversed(always))
    for words, no in never:
        if (yes := by_gist.get(words)) is not None:
            first, second = sorted((yes, no), key=lambda one: (one.part.index or 0, one.start))
            yield against(
                first, second, "It is both demanded and forbidden", "Say in which case each of the two holds."
            )
            return


def _alone(draft: Draft) -> Iterator[Hit]:
    """An answer that is to stand alone, beside an explanation of it. A prompt that tells the two apart, or asks for
    fields, has a place for both."""
    if asks("structure", draft.prose, language(draft.prose)) or draft.response_format:
        return
    alone, more = list[Said](), list[Said]()
    for part, start, sentence in sentences(draft, CASES):
        if _BETWEEN.search(sentence) is not None:
            continue
        if (found := _ALONE.search(sentence)) is not None:
            alone.append(Said("", part, start + found.start(), start + found.end()))
        elif (found := _opens(_MORE, sentence)) is not None and PARTIAL.search(sentence) is None:
            more.append(Said("", part, start + found.start(), start + found.end()))
    if alone and more:
        first, second = sorted((alone[0], more[0]), key=lambda one: (one.part.index or 0, one.start))
        yield against(
            first, second, "The answer alone and an explanation are both asked for", "Answer with the label alone."
        )


def _opens(pattern: re.Pattern[str], sentence: str) -> re.Match[str] | None:
    """What a sentence opens with. A line that goes on with one of the line before begins in lower case."""
    return None if sentence.lstrip()[:1].islower() else pattern.match(sentence)


def _thing(name: str) -> tuple[str, ...]:
    name = name.lower().removesuffix("s")
    return (_ALIKE.get(name, name),)


def _gist(words: str) -> tuple[str, ...]:
    """What an order is about: its first three words that carry meaning, without endings."""
    told = [word for word in re.findall(r"\w+", words.lower()) if word not in _LITTLE]
    return tuple(word.removesuffix("s") for word in told[:3]) if len(told) >= 2 else ()


ORDERS = (
    Rule("P153", "contradictory-orders", "warning", _orders),
    Rule("P156", "contradictory-extras", "warning", _alone),
)
"""Orders and prohibitions of one thing."""
