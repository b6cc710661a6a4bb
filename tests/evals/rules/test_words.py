from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import ConfigError, ModelFilesError
from pilothouse.evals.rules.words import Blocklist, Keywords, Length
from pilothouse.evals.shapes import Models
from pilothouse.testing.record import new_call


def test_all_any_none(judge: Any) -> None:
    words = ("refund", "14 days", "receipt")
    everything = judge(Keywords(keywords=words), "A refund within 14  days, with the Receipt.")
    assert (everything.passed, everything.score, everything.detail["found"]) == (True, 1.0, list(words))
    some = judge(Keywords(keywords=words), "A refund within 14 days.")
    assert (some.passed, some.score) == (False, pytest.approx(2 / 3))
    assert some.explanation == "The output lacks 'receipt'."
    assert judge(Keywords(keywords=words, match="any"), "The receipt.").passed
    assert not judge(Keywords(keywords=words, match="none"), "The receipt.").passed
    assert judge(Keywords(keywords=words, match="none"), "Refunds.").score == 1.0


def test_a_blocklist_of_words_and_a_file(judge: Any, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# comment\nproject falcon\n\n", encoding="utf-8")
    blocklist = Blocklist(phrases=("secret",), path=str(file))
    assert judge(blocklist, "Nothing here.").passed
    verdict = judge(blocklist, "The s3cret Project  Falcon")
    assert (verdict.passed, verdict.detail["found"]) == (False, ["secret", "project falcon"])
    assert judge(Blocklist(phrases=("bob",), disguised=False), "b0b").passed


class Counting:
    async def __call__(self, texts: Any) -> Any:
        raise AssertionError("no vector is needed")

    async def count_tokens(self, texts: Any) -> list[int]:
        return [len(text) for text in texts]


class Broken(Counting):
    async def count_tokens(self, texts: Any) -> list[int]:
        raise ModelFilesError("The files are gone. Fetch them.")


@pytest.mark.parametrize(
    ("options", "output", "passed"),
    [
        ({"maximum": 3}, "abc", True),
        ({"maximum": 3}, "abcd", False),
        ({"minimum": 2, "unit": "words"}, "one", False),
        ({"minimum": 2, "maximum": 2, "unit": "words"}, "one\n two ", True),
        ({"maximum": 3, "unit": "tokens"}, "abcd", False),
    ],
)
def test_length(judge: Any, options: dict[str, Any], output: str, passed: bool) -> None:
    assert judge(Length(**options), output, models=Models(make_call=new_call, encode=Counting())).passed is passed


def test_tokens_need_the_encoder(judge: Any) -> None:
    assert judge(Length(maximum=3, unit="tokens"), "abc").status == "skipped"
    broken = judge(Length(maximum=3, unit="tokens"), "abc", models=Models(make_call=new_call, encode=Broken()))
    assert (broken.status, broken.explanation) == ("skipped", "The files are gone. Fetch them.")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Keywords(keywords=()), "keywords.keywords"),
        (lambda: Keywords(keywords=(" ",)), "keywords.keywords"),
        (lambda: Blocklist(), "blocklist.phrases: is empty"),
        (lambda: Blocklist(path="no/such/file"), "blocklist.path: 'no/such/file' cannot be read"),
        (lambda: Length(), "length.maximum: is missing"),
        (lambda: Length(minimum=3, maximum=2), "below the minimum of 3"),
        (lambda: Length(minimum=-1), "length.minimum"),
    ],
    ids=["none", "blank", "nothing", "no file", "no bound", "crossed", "negative"],
)
def test_wrong_options(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
