"""What a form is: a pattern that begins where something may be, what else must hold of what it matches, and how far one
must read on to know.

A pattern never looks further than `longest` characters from where it begins, and `least` after it has begun it has
matched or never will. So what is found at a place hangs on the characters near it alone, and a text that comes in
pieces is searched like a whole one.
"""

import re
import string
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

__all__ = [
    "CONTEXT", "Alphabet", "Form", "Hint", "Signs", "Tell", "beside", "compiled", "digits_of", "in_any_case", "lengthy",
    "numerous", "said_before",
]  # fmt: skip

CONTEXT = 48
"""How many characters before it may say what something is."""

_LETTERS, _DIGITS = string.ascii_letters.encode(), string.digits.encode()


def _table(**signs: bytes) -> bytes:
    """For bytes.translate: all that stand in `a`, `0` ... as that."""
    made = bytearray(range(256))
    for instead, all_of in signs.items():
        for one in all_of:
            made[one] = ord(instead)
    return bytes(made)


_SHAPE = _table(a=_LETTERS, **{"0": _DIGITS})
_RUNS = _table(a=_LETTERS + _DIGITS + b"_-.")
_HEXADECIMAL = _table(**{"0": string.hexdigits.encode(), ":": b"-"})
_NO_DIGITS = {code: None for code in range(128) if not 48 <= code <= 57}


class Signs:
    """What hints look at, made once for all of them: the text, in small letters (`low`), and with letters as `a` and
    digits as `0` (`shape`), with digits of hexadecimal numbers as `0` and hyphens as colons (`hexadecimal`).

    `numerous` is a text with seven digits and nothing but separators among them, `runs` one with sixteen letters,
    digits, dots, hyphens and underscores in a row, as keys have.
    """

    __slots__ = ("hexadecimal", "low", "numerous", "runs", "shape", "text")

    def __init__(self, text: str) -> None:
        raw = text.encode("ascii", "replace")  # bytes are translated thirty times as fast as characters
        self.text, self.low = text, text.lower()
        self.shape = raw.translate(_SHAPE)
        self.numerous = b"0000000" in self.shape.translate(None, b" -.()/")
        self.runs = b"aaaaaaaaaaaaaaaa" in raw.translate(_RUNS)
        self.hexadecimal = raw.translate(_HEXADECIMAL)


Hint = Callable[[Signs], object]
"""Whether a text can hold anything of the kind: without it no pattern is tried. 0.1 to 3 us for 1,000 characters."""
Tell = Callable[[str, str], "str | tuple[str, int] | None"]
"""The kind of what a pattern matched, given the characters before it, and how many of its characters count where these
are not all; None where it is nothing."""


class Alphabet(Enum):
    """What something consists of, its end aside: anything but white space; digits and what stands among them; capital
    letters, digits, spaces and a few signs; anything after a digit or the capital of a month."""

    WORD = "word"
    NUMBER = "number"
    CODE = "code"
    DATE = "date"


class Form(NamedTuple):
    """`body` is what it may go on with where that is not its alphabet. `cued` says that words before it are part of the
    pattern: group 1 is what is found, and `least` counts from there."""

    pattern: re.Pattern[str]
    tell: Tell
    alphabet: Alphabet
    longest: int
    least: int
    hint: Hint
    body: re.Pattern[str] | None = None
    cued: bool = False


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern whose `\\d` is 0 to 9 alone, as in the alphabets, and not the digits of every script."""
    return re.compile(pattern.replace(r"\d", "[0-9]"))


def digits_of(found: str) -> str:
    """Its digits alone."""
    return found.translate(_NO_DIGITS) if found.isascii() else "".join(filter(str.isdigit, found))


def numerous(signs: Signs) -> bool:
    """Whether there are seven digits with nothing but separators among them."""
    return signs.numerous


def lengthy(signs: Signs) -> bool:
    """Whether there is a run of sixteen signs, as in keys."""
    return signs.runs


def said_before(words: str) -> Callable[[str], bool]:
    """Whether one of these words, a pattern of alternatives in small letters, stands in the characters before."""
    search = re.compile(rf"(?<![^\W\d_])(?:{words})").search
    return lambda before: search(before.lower()) is not None


def in_any_case(words: str) -> str:
    """A pattern of these words in either case. It says what `lower` says, which IGNORECASE does not of all letters."""
    return re.sub(r"[^\W\d_]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", words)


def beside(*words: str) -> Hint:
    """Whether a text holds one of these words, given in small letters."""

    def hint(signs: Signs) -> bool:
        low = signs.low
        for word in words:  # noqa: SIM110 - three times as fast as any()
            if word in low:
                return True
        return False

    return hint
