"""How texts become tokens: as in sacrebleu, as in rouge-score, and words of any script. Knows nothing of counting.

Written anew from the documented rules: those of NIST's mteval-v13a and mteval-v14 (`13a`, `intl`) and of ROUGE-1.5.5.
`13a` and the words of ROUGE are made for languages with spaces, the latter for English alone: a Chinese sentence is one
token to the first and none to the second.
"""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache

__all__ = ["CJK", "TOKENIZERS", "characters", "rouge_words", "words", "words_13a", "words_intl"]

CJK = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Characters that are written without spaces and count as a word each (Han, kana), as ranges of a regex."""

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_MARKS = '{|}~[\\]^_`!"#$%&()*+:;<=>?@/'  # of ASCII, without ' , - .
_DOUBLE = ("..", ",,", ".,", ",.")
_NOT_IN_NUMBERS = re.compile(r"[.,](?:(?<![0-9].)|(?![0-9]))")
_AFTER_OTHERS = re.compile(r"([^0-9])([.,])")
_BEFORE_OTHERS = re.compile(r"([.,])([^0-9])")
_AFTER_DIGITS = re.compile(r"[0-9]-")
_ROUGE = re.compile(r"[a-z0-9]+")
_NOT_ROUGE = {code: " " for code in range(128) if not chr(code).isalnum()}
_ASCII_WORDS = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")


def words_13a(text: str) -> list[str]:
    """Tokens as sacrebleu's default, `13a`: at white space, around ASCII's marks, around a period or comma that is not
    between digits, and after a hyphen that follows a digit. Upper and lower case stay."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "")
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    for mark in _MARKS:
        if mark in text:
            text = text.replace(mark, f" {mark} ")
    if any(double in text for double in _DOUBLE):  # which of them are parted depends on where pairs begin
        text = _BEFORE_OTHERS.sub(r" \1 \2", _AFTER_OTHERS.sub(r"\1 \2 ", f" {text} "))
    else:
        text = _NOT_IN_NUMBERS.sub(lambda found: f" {found[0]} ", text)
    if "-" in text:
        text = _AFTER_DIGITS.sub(lambda found: f"{found[0][0]} - ", text)
    return text.split()


def words_intl(text: str) -> list[str]:
    """Tokens as sacrebleu's `intl`: at white space, around every symbol of Unicode, and around punctuation that is not
    between numbers. By the Unicode tables of this Python, which may be older than those of sacrebleu's `regex`."""
    marks, symbols, numbers = _classes(text.isascii())
    text = re.sub(f"([^{numbers}])([{marks}])", r"\1 \2 ", text.rstrip())
    text = re.sub(f"([{marks}])([^{numbers}])", r" \1 \2", text)
    return re.sub(f"([{symbols}])", r" \1 ", text).split()


def characters(text: str) -> list[str]:
    """Every character that is no white space, as sacrebleu's `char`: for scripts without spaces."""
    return list("".join(text.split()))


def rouge_words(text: str) -> list[str]:
    """Runs of ASCII letters and digits in lower case, as rouge-score: nothing of other scripts is left, and a word with
    an accent falls apart there."""
    if text.isascii():
        return text.lower().translate(_NOT_ROUGE).split()
    return _ROUGE.findall(text.lower())


def words(text: str) -> list[str]:
    """Words of any script in lower case, without punctuation and symbols (emoji are symbols); a Chinese or Japanese
    character is a word by itself. Thai and others without spaces stay in one piece up to the next space."""
    if text.isascii():
        return _ASCII_WORDS.findall(text.lower())
    return _word_pattern().findall(text.lower())


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "13a": words_13a,
    "intl": words_intl,
    "char": characters,
    "none": str.split,
}
"""The ways that BLEU takes, under sacrebleu's names."""


@cache
def _word_pattern() -> re.Pattern[str]:
    marks, symbols, _ = _classes(False)
    inside = rf"[^\s{CJK}{marks}{symbols}\x00-\x1f\x7f-\x9f]"
    return re.compile(rf"[{CJK}]|{inside}+(?:['’]{inside}+)*")


@cache
def _classes(ascii_only: bool) -> tuple[str, str, str]:
    """Punctuation, symbols and numbers as ranges of a regex. All of Unicode takes 0.2 s, once in a process."""
    last = 127 if ascii_only else sys.maxunicode
    ranges: dict[str, list[list[int]]] = {"P": [], "S": [], "N": []}
    for code in range(last + 1):
        group = ranges.get(unicodedata.category(chr(code))[0])
        if group is None:
            continue
        if group and group[-1][1] == code - 1:
            group[-1][1] = code
        else:
            group.append([code, code])
    punctuation, symbols, numbers = (
        "".join(f"\\U{first:08x}-\\U{end:08x}" for first, end in ranges[kind]) for kind in "PSN"
    )
    return punctuation, symbols, numbers
