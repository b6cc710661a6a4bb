"""Words and phrases found in a text, as people would: in any case, as whole words, whatever the spacing."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property

__all__ = ["Phrases", "folded", "undisguised"]

_SPACES = re.compile(r"\s+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LETTERS_FOR = str.maketrans("013457@$", "oieastas")
_WORD = re.compile(r"[\w@$]+")


class Phrases:
    """Some phrases to look for. A phrase is found as a whole word: "cat" is not in "category".

    In scripts without spaces between words (Chinese, Japanese, Korean particles, Thai) it is found anywhere.
    `disguised` also finds what is written with accents, invisible characters or digits for letters.
    """

    def __init__(self, phrases: Iterable[str], *, ignore_case: bool = True, disguised: bool = False) -> None:
        self.phrases: Sequence[str] = tuple(phrases)
        self._ignore_case = ignore_case
        self._disguised = disguised

    def found(self, text: str) -> list[str]:
        """The phrases that are in the text, in their own order."""
        texts = [folded(text, ignore_case=self._ignore_case)]
        if self._disguised:
            texts.append(undisguised(text))
        return [phrase for phrase, pattern in self._patterns if any(map(pattern.search, texts))]

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(phrase, self._pattern(phrase)) for phrase in self.phrases]

    def _pattern(self, phrase: str) -> re.Pattern[str]:
        words = folded(phrase, ignore_case=self._ignore_case)
        begin = r"(?<!\w)" if _bounded(words[:1]) else ""
        end = r"(?!\w)" if _bounded(words[-1:]) else ""
        return re.compile(begin + re.escape(words) + end)


def folded(text: str, *, ignore_case: bool = True) -> str:
    """The text with runs of white space as one blank, and compatible characters (NFKC) and cases as one."""
    text = unicodedata.normalize("NFKC", text)
    return _SPACES.sub(" ", text.casefold() if ignore_case else text).strip()


def undisguised(text: str) -> str:
    """The text, folded, without accents and invisible characters, and with letters for digits inside words."""
    apart = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in apart if unicodedata.category(c) not in ("Mn", "Cf"))
    return folded(_WORD.sub(_lettered, plain))


def _lettered(word: re.Match[str]) -> str:
    return word[0].translate(_LETTERS_FOR) if any(map(str.isalpha, word[0])) else word[0]


def _bounded(letter: str) -> bool:
    return bool(letter) and (letter.isalnum() or letter == "_") and not _UNSPACED.match(letter)
