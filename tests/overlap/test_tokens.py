"""Tokens as sacrebleu and rouge-score cut them, and words of any script."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_char import TokenizerChar
from sacrebleu.tokenizers.tokenizer_intl import TokenizerV14International

from pilothouse.overlap.tokens import characters, rouge_words, words, words_13a, words_intl
from tests.overlap.texts import PARTS, real_pairs

THIRTEEN, INTERNATIONAL, CHARACTER, ROUGE = (
    Tokenizer13a(), TokenizerV14International(), TokenizerChar(), DefaultTokenizer()
)  # fmt: skip
awkward = st.lists(st.sampled_from(PARTS), max_size=20).map("".join)
marks = st.text("ab1.,-'\"&;(]~ \n", max_size=20)
anything = st.text(st.characters(exclude_categories=["Cn"]), max_size=12)


@settings(deadline=None)
@given(st.one_of(awkward, marks, anything))
def test_13a_is_that_of_sacrebleu(text: str) -> None:
    assert words_13a(text) == THIRTEEN(text.rstrip()).split()


@settings(deadline=None)
@given(st.one_of(awkward, marks))
def test_intl_is_that_of_sacrebleu(text: str) -> None:
    assert words_intl(text) == INTERNATIONAL(text.rstrip()).split()


@settings(deadline=None)
@given(st.one_of(awkward, anything))
def test_characters_and_the_words_of_rouge(text: str) -> None:
    assert characters(text) == CHARACTER(text.rstrip()).split()
    assert rouge_words(text) == ROUGE.tokenize(text)


def test_sentences_of_the_documentation() -> None:
    for changed, text in real_pairs():
        for one in (changed, text, "".join(text.split())):
            assert words_13a(one) == THIRTEEN(one.rstrip()).split()
            assert words_intl(one) == INTERNATIONAL(one.rstrip()).split()
            assert rouge_words(one) == ROUGE.tokenize(one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  pay $1,000.50 (now).", ["don't", "pay", "1", "000", "50", "now"]),
        ("Œuvre naïve — «déjà vu»", ["œuvre", "naïve", "déjà", "vu"]),
        ("我爱Python3。", ["我", "爱", "python3"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("🙂 !? …", []),
        ("\ud800", ["\ud800"]),
        ("", []),
    ],
    ids=["english", "french", "chinese", "hindi", "marks", "surrogate", "nothing"],
)
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_letters_and_digits_are_no_marks_in_any_script() -> None:
    """What lets words of letters and digits pass uncut."""
    codes = range(0x20000)
    assert not [code for code in codes if chr(code).isalnum() and unicodedata.category(chr(code))[0] in "PSZ"]
