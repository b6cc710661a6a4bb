"""How many tokens a text has, estimated from its characters without a vocabulary. Knows nothing of prompts.

Vocabularies of byte pairs keep common English words whole, cut longer ones about every six letters, and take figures by
threes; other scripts cost more. The estimate is held against cl100k in benchmarks/prompt_lint.
"""

import re

__all__ = ["tokens"]

_UNITS = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space>[ \t]+)|(?P<line>\s+)|"
    r"(?P<wide>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)|"
    r"(?P<letters>[^\W\d_]+)|(?P<signs>.)",
    re.DOTALL,
)
_WHOLE_WORD = 9  # letters of an English word that is one token more often than not
_LETTERS_A_TOKEN = 6  # of what is longer
_FIGURES_A_TOKEN = 3
_FOREIGN_A_TOKEN = 2.4  # letters of Cyrillic, Greek, Arabic or accented runs
_WIDE_A_TOKEN = 0.9


def tokens(text: str) -> int:
    """About how many tokens a model of today counts in a text; linear in its length."""
    count = 0.0
    for found in _UNITS.finditer(text):
        kind, length = found.lastgroup, found.end() - found.start()
        if kind == "word":
            count += 1 if length <= _WHOLE_WORD else -(-length // _LETTERS_A_TOKEN)
        elif kind == "digits":
            count += -(-length // _FIGURES_A_TOKEN)
        elif kind == "space":
            count += length > 1  # one space belongs to the word that follows
        elif kind == "wide":
            count += length / _WIDE_A_TOKEN
        elif kind == "letters":
            count += max(1.0, length / _FOREIGN_A_TOKEN)
        else:
            count += 1
    return round(count)
