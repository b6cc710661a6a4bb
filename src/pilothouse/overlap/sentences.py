"""Where sentences end. Knows nothing of what is counted in them."""

import re

__all__ = ["sentences"]

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
    found = []
    for block in _BREAK.split(text):
        start = 0
        for match in _END.finditer(block):
            if match[0] == "." and _goes_on(block, match.start(), match.end()):
                continue
            found.append(block[start : match.end()].strip())
            start = match.end()
        found.append(block[start:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(block: str, period: int, end: int) -> bool:
    before = block[max(0, period - _LONGEST) : period].split()
    word = before[-1].lstrip("(['\"“‘").lower() if before and not block[period - 1].isspace() else ""
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i"):
        return True
    return block[end : end + _NEAR].lstrip()[:1].islower()
