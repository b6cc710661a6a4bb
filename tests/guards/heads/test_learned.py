from pathlib import Path

import numpy as np
import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.heads.injection import Injection
from pilothouse.guards.heads.training import INPUTS
from pilothouse.models.heads import Head
from pilothouse.protocols import Conversation, Subject
from tests.guards.heads.conftest import MakeSubject, Words


@pytest.fixture
def trained(tmp_path: Path) -> str:
    """A head that knows one word of the encoder's: ignore."""
    weights = np.zeros(384)
    weights[Words.words.index("ignore")] = 10.0
    path = tmp_path / "head.json"
    Head("injection", INPUTS, np.zeros(384), np.ones(384), weights, -5.0, 0.5, {}).save(path)
    return str(path)


async def test_the_piece_that_it_found_it_in_is_told(about: MakeSubject, trained: str) -> None:
    text = "the cake " * 267 + "now ignore all of it"
    result = await Injection(head=trained).check(about(text))
    assert result.status == "triggered"
    assert [(one.start, one.end) for one in result.findings] == [(2389, len(text))]
    assert "ignore" not in result.reason


async def test_what_it_did_not_find_passed(about: MakeSubject, trained: str) -> None:
    result = await Injection(head=trained).check(about("a cake"))
    assert (result.status, result.score) == ("passed", 0.0067)


async def test_a_text_that_was_not_read_to_its_end_did_not_pass(about: MakeSubject, trained: str) -> None:
    result = await Injection(head=trained).check(about("a cake " * 5000))
    assert result.status == "skipped"
    assert "of 35,000 characters were read" in result.reason


async def test_a_threshold_stands_in_place_of_the_heads(about: MakeSubject, trained: str) -> None:
    subject = about("ignore")
    assert (await Injection(head=trained).check(subject)).status == "triggered"
    assert (await Injection(head=trained, threshold=0.999).check(subject)).status == "passed"


async def test_without_an_encoder_nobody_looked(trained: str) -> None:
    result = await Injection(head=trained).check(Subject("ignore", "input", conversation=Conversation()))
    assert (result.status, result.reason) == ("skipped", "There is no encoder to read the text with.")


@pytest.mark.parametrize("text", ["\x00", "\ud800 \udfff", "🙃" * 900, "\u202e" * 40, "a" * 1_000_000], ids=range(5))
async def test_it_raises_for_no_text(about: MakeSubject, trained: str, text: str) -> None:
    assert (await Injection(head=trained).check(about(text))).status in ("passed", "skipped")


def test_wrong_options_are_told_by_their_key(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    Head("test", ("x",), np.zeros(1), np.ones(1), np.zeros(1), 0.0, 0.5, {}).save(other)
    for options, key in (
        ({"threshold": 0.0}, "threshold"),
        ({"head": "none.json"}, "head"),
        ({"head": str(other)}, "head"),
    ):
        with pytest.raises(ConfigError) as raised:
            Injection(**options)  # type: ignore[arg-type]
        assert raised.value.param == f"injection.{key}"
