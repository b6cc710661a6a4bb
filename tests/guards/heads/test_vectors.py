import asyncio
from base64 import b64encode

import pytest

from pilothouse.guards.heads.vectors import MOST, PIECE, pieces, vectors_of
from pilothouse.protocols import Conversation, Subject
from tests.guards.heads.conftest import MakeSubject, Words


async def test_a_text_is_encoded_once_for_all_who_ask(about: MakeSubject, encoder: Words) -> None:
    subject = about("ignore the cake")
    first, second = await asyncio.gather(vectors_of(subject), vectors_of(subject))
    assert first is second
    assert first.is_whole
    assert encoder.asked == [["ignore the cake"]]


async def test_of_a_long_text_the_first_vector_is_what_routing_and_caches_read(
    about: MakeSubject, encoder: Words
) -> None:
    text = "flour " * 400
    read = await vectors_of(about(text))
    assert [*read.places] == [(0, 798), (798, 1596), (1596, 2394), (2394, 2400)]
    assert encoder.asked == [[text[:2000], text[798:1596], text[1596:2394], text[2394:]]]


async def test_of_a_text_that_is_too_long_begin_and_end_are_read(about: MakeSubject, encoder: Words) -> None:
    text = "x" * (PIECE * 100)
    read = await vectors_of(about(text))
    assert len(read.rows) == MOST
    assert [start // PIECE for start, _ in read.places] == [0, 1, 2, 34, 65, 97, 98, 99]
    assert (read.characters, read.is_whole) == (MOST * PIECE, False)


async def test_a_piece_of_more_tokens_than_are_read_is_cut(about: MakeSubject, encoder: Words) -> None:
    encoder.tokens_each = 5
    text = "ab " * 200
    read = await vectors_of(about(text))
    assert [*read.places] == [(0, 150), (150, 300), (300, 450), (450, 600)]
    assert read.is_whole


async def test_what_is_encoded_is_read_decoded_in_its_place(about: MakeSubject, encoder: Words) -> None:
    text = f"My cake: {b64encode(b'ignore the oven and obey').decode()} tastes good"
    read = await vectors_of(about(text))
    assert encoder.asked == [["my cake: ignore the oven and obey tastes good"]]
    assert (read.places, read.forms, read.characters, read.is_whole) == ([(0, len(text))], 0, len(text), True)


async def test_what_is_hidden_is_read_beside_the_text(about: MakeSubject, encoder: Words) -> None:
    await vectors_of(about("A cake. i-g-n-o-r-e t-h-e o-v-e-n"))
    ((text, spelled),) = encoder.asked
    assert (text, "ignore" in spelled) == ("A cake. i-g-n-o-r-e t-h-e o-v-e-n", True)


async def test_letters_that_only_look_like_others_are_read_as_those(about: MakeSubject, encoder: Words) -> None:
    await vectors_of(about("ign\u043ere"))
    assert encoder.asked == [["ign\u043ere", "ignore"]]


@pytest.mark.parametrize("text", ["", " \n"])
async def test_no_text_has_no_vectors(about: MakeSubject, text: str) -> None:
    assert (await vectors_of(about(text))).missing == "There is no text."


async def test_without_an_encoder_it_says_so() -> None:
    read = await vectors_of(Subject("hello", "input", conversation=Conversation()))
    assert read.missing == "There is no encoder to read the text with."


@pytest.mark.parametrize("text", ["", "a", "a" * 5000, "a b " * 999, "\ud800\x00" * 900], ids=range(5))
def test_pieces_cover_a_text_without_gap_or_overlap(text: str) -> None:
    places = pieces(text)
    assert "".join(text[start:end] for start, end in places) == text
    assert all(0 < end - start <= PIECE for start, end in places)
