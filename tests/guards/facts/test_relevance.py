import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.facts.relevance import Relevance

from .conftest import Ask

ASKED = "How do I drain the tank of the pump?"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("First close the red valve, then open the drain of the tank.", "passed"),
        ("Our office dog likes long walks on the beach in the evening.", "triggered"),
        ("In Leeds.", "skipped"),
        ("I am sorry, but I cannot help with that request today.", "skipped"),
    ],
    ids=["about it", "another topic", "short", "refusal"],
)
async def test_an_answer_is_near_its_question(answer: Ask, text: str, status: str) -> None:
    assert (await Relevance().check(answer(text, ASKED))).status == status


async def test_without_a_question_it_has_not_looked(answer: Ask) -> None:
    assert (await Relevance().check(answer("The pump was built in Leeds long ago.", " "))).status == "skipped"


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"relevance\.threshold"):
        Relevance(threshold=0)
