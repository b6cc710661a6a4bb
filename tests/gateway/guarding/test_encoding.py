from collections.abc import AsyncGenerator
from typing import cast

import numpy as np

from pilothouse.call import Call, Progress, Reservation, Span
from pilothouse.gateway.guarding.encoding import KEPT, CallEncode
from pilothouse.gateway.guarding.watch import guards_models
from pilothouse.gateway.routing.complexity import embedding_of
from pilothouse.guards.heads.vectors import vectors_of
from pilothouse.protocols import Conversation, Nearest, Subject
from pilothouse.types import ChatChunk, ChatRequest
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


class _Silent:
    def record(self, record: Span | Reservation | Progress) -> None:
        raise AssertionError("nothing is recorded")


async def _no_chat(request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
    raise AssertionError("nothing is asked")
    yield


def _no_attacks(project: str) -> Nearest:
    return cast(Nearest, None)  # nothing is compared


async def test_guards_and_routing_encode_a_question_once() -> None:
    encoder, call = Words(), Call(_Silent())
    models = guards_models(_no_chat, encoder, _no_attacks, call)
    read = await vectors_of(Subject("a cake", "input", conversation=Conversation(models=models)))
    request = ChatRequest({"model": "m", "messages": [{"role": "user", "content": "a cake"}]})
    assert np.array_equal(await embedding_of(request, call, encoder), read.rows[0])
    assert encoder.asked == [["a cake"]]
