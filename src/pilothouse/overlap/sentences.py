"""Where sentences end. Knows nothing of what is counted in them."""

import re

__all__ = ["sentence_spans", "sentences"]

_BREAK = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:[-*•#>|]|\d+[.)])[ \t])")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|$)|[。！？]++[」』”’）]*+")
_SHORT = """
mr mrs ms dr prof st jr sr vs eg ie e.g i.e cf fig figs nos vol pp approx dept est inc ltd co corp gen col sen rep gov
hon rev u.s u.k jan feb mar apr jun jul aug sep sept oct nov dec
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_LONGEST = 8  # characters looked at before a period, with what opens a word
_NEAR = 200  # characters looked at after one


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, white space inside as it was.

    They end at . ! ? … and their Chinese kin, at blank lines and before items of a list; not after one of some English
    abbreviations or an initial, and not where a small letter follows a period.
    """
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each of them stands, as (start, end) characters, white space around it left out."""
    found, begin = list[tuple[int, int]](), 0
    for gap in [*_BREAK.finditer(text), None]:
        end = len(text) if gap is None else gap.start()
        block, start = text[begin:end], 0
        for match in _END.finditer(block):
            if match[0] == "." and _goes_on(block, match.start(), match.end()):
                continue
            found.append((begin + start, begin + match.end()))
            start = match.end()
        found.append((begin + start, end))
        begin = end if gap is None else gap.end()
    return [span for start, end in found if (span := _trimmed(text, start, end))[0] < span[1]]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _goes_on(block: str, period: int, end: int) -> bool:
    before = block[max(0, period - _LONGEST) : period].split()
    word = before[-1].lstrip("(['\"“‘").lower() if before and not block[period - 1].isspace() else ""
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i"):
        return True
    return block[end : end + _NEAR].lstrip()[:1].islower()
