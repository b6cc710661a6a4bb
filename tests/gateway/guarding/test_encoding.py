import numpy as np

from pilothouse.gateway.guarding.encoding import KEPT, CallEncode
from tests.guards.heads.conftest import Words


async def test_a_text_is_encoded_once_and_kept_for_the_call() -> None:
    encoder, vectors = Words(), dict[str, object]()
    encode = CallEncode(encoder, vectors)
    first = await encode(["a cake", "a ship"])
    again = await encode(["a ship", "flour", "a cake", "flour"])
    assert encoder.asked == [["a cake", "a ship"], ["flour"]]
    assert np.array_equal(again[[2, 0]], first)
    assert np.array_equal(again[1], again[3])
    assert [*vectors] == ["a cake", "a ship", "flour"]


async def test_no_more_than_so_many_are_kept() -> None:
    vectors = dict[str, object]()
    rows = await CallEncode(Words(), vectors)([f"text {at}" for at in range(KEPT + 5)])
    assert (len(rows), len(vectors)) == (KEPT + 5, KEPT)


async def test_no_texts_have_no_vectors() -> None:
    assert (await CallEncode(Words(), {})([])).shape == (0, 384)
