from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.language import Language

GERMAN = "Das ist die Hauptstadt von Australien und nicht Sydney."
ENGLISH = "What is the capital of Australia and is it Sydney?"


def test_the_languages_that_are_allowed(judge: Any) -> None:
    verdict = judge(Language(languages=("en", "fr")), GERMAN)
    assert (verdict.passed, verdict.label) == (False, "de")
    assert verdict.explanation == "The output is in 'de', not in 'en', 'fr'."
    assert judge(Language(languages=("de",)), GERMAN).passed


def test_by_default_it_is_that_of_the_question(judge: Any) -> None:
    assert not judge(Language(), GERMAN, input=ENGLISH).passed
    asked = {"messages": [{"role": "user", "content": "Was ist die Hauptstadt von Australien?"}]}
    assert judge(Language(), GERMAN, input=asked).passed


def test_a_toss_up_is_skipped(judge: Any) -> None:
    assert judge(Language(), "42").status == "skipped"
    assert judge(Language(), GERMAN, input="42").status == "skipped"


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(ConfigError, match="'German' is no ISO 639-1 code"):
        Language(languages=("German",))
