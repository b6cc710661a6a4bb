from typing import Any

from pilothouse.guards.facts.evidence import Evidence, Kept

from .conftest import PASSAGES, Ask, Direct


async def test_each_passage_carries_what_it_says(encode: Direct) -> None:
    pump, valve = await Evidence(PASSAGES).carries(["The pump was built in Leeds.", "Close the red valve."], "", encode)
    assert (pump.best, valve.best) == (0, 1)
    assert pump.by_passage[0] > 0.8 > 0.3 > pump.by_passage[1]
    assert pump.together >= max(pump.by_passage)


async def test_passages_are_encoded_once_for_a_conversation(encode: Direct, answer: Ask) -> None:
    kept = Kept()
    for said in ("The pump was built in Leeds.", "Close the red valve."):
        await kept.of(answer(said)).carries([said], "", encode)
    assert sorted(encode.texts) == sorted({*encode.texts})


async def test_of_many_passages_those_that_share_words_are_encoded(encode: Direct) -> None:
    many = [f"Room {number} has {number} chairs. It is warm." for number in range(60)]
    (found,) = await Evidence([*many, PASSAGES[0]]).carries(["The pump was built in Leeds."], "", encode)
    assert found.best == 60
    assert len(encode.texts) == 7


def test_without_a_sentence_there_is_none(answer: Any) -> None:
    assert not Evidence(["", " \n "])
