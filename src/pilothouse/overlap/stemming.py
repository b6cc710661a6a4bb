"""Porter's stemmer for English, as rouge-score and NLTK have it. Knows nothing of what stems are compared for.

Porter 1980, "An algorithm for suffix stripping", with the changes of NLTK's default mode: a list of irregular words,
`-ies` and `-ied` of four letters keep their e, `y` becomes `i` after a consonant alone, `-alli` is cut before the other
suffixes of its step, `-bli`, `-fulli` and `-logi` are suffixes. Written anew from these rules.
"""

from functools import lru_cache

__all__ = ["stem"]

_IRREGULAR = {
    "skies": "sky", "sky": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
    "cannings": "canning", "canning": "canning", "howe": "howe",
    "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip
_SECOND = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
    "fulli": "ful",
}  # fmt: skip
_THIRD = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_FOURTH = dict.fromkeys(
    ("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
     "ous", "ive", "ize"), "")  # fmt: skip
_LONG = 40  # characters; the stems of longer words are not kept


def stem(word: str) -> str:
    """The stem of a word in lower case. Letters that are not ASCII count as consonants, as digits do."""
    return _kept(word) if len(word) <= _LONG else _stem(word)


def _stem(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    word = _participle(_plural(word))
    if word.endswith("y") and len(word) > 2 and _shape(word[:-1])[-1] == "c":
        word = word[:-1] + "i"
    word = _second(word)
    word = _replaced(word, _THIRD, least=1)
    word = _fourth(word)
    return _tidy(word)


_kept = lru_cache(1 << 15)(_stem)


def _shape(word: str) -> str:
    """A c for each consonant, a v for each vowel; y is a vowel after a consonant."""
    if "y" not in word:
        return "".join(["v" if letter in "aeiou" else "c" for letter in word])
    shape, before = [], "v"
    for letter in word:
        before = "v" if letter in "aeiou" or (letter == "y" and before == "c") else "c"
        shape.append(before)
    return "".join(shape)


def _measure(word: str) -> int:
    """How often a vowel is followed by a consonant, the paper's m."""
    return _shape(word).count("vc")


def _short(word: str) -> bool:
    """Whether it ends consonant, vowel, consonant, the last not w, x or y; or is a vowel and a consonant."""
    shape = _shape(word)
    return (shape.endswith("cvc") and word[-1] not in "wxy") or shape == "vc"


def _replaced(word: str, endings: dict[str, str], least: int) -> str:
    """The word with its longest ending of a table replaced, where at least that measure stays before it."""
    for size in range(7, 1, -1):
        ending = word[-size:]
        if ending in endings and len(ending) == size:
            before = word[:-size]
            return before + endings[ending] if _measure(before) >= least else word
    return word


def _plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _participle(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    for ending in ("ed", "ing"):
        before = word.removesuffix(ending)
        if before != word and "v" in _shape(before):
            return _mended(before)
    return word


def _mended(word: str) -> str:
    """What is left of a participle, as a word: conflat(ed) is conflate, hopp(ing) hop, fil(ing) file."""
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c":
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if _measure(word) == 1 and _short(word) else word


def _second(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]):
        return _second(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) else word
    return _replaced(word, _SECOND, least=1)


def _fourth(word: str) -> str:
    if word.endswith("ion") and word[-4:-3] not in ("s", "t"):
        return word
    return _replaced(word, _FOURTH, least=2)


def _tidy(word: str) -> str:
    if word.endswith("e"):
        before = word[:-1]
        measure = _measure(before)
        if measure > 1 or (measure == 1 and not _short(before)):
            word = before
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word
