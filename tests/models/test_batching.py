"""Many callers, one worker: everyone gets their own vectors, whoever leaves or fails hurts nobody else."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.errors import ModelFilesError, Overloaded
from pilothouse.models import BatchingEncoder, Encoder, EncoderFiles


class Slow(Encoder):
    """Runs a batch when told to, and remembers it. A text's vector is filled with its number; 'bad' fails."""

    def __init__(self) -> None:
        super().__init__(EncoderFiles(Path("none"), Path("none"), "slow"))
        self.batches: list[list[str]] = []
        self.running = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def load(self) -> None:
        """Nothing to load."""

    def encode(self, texts: Sequence[str]) -> Any:
        self.batches.append(list(texts))
        self.running.release()
        assert self.go.acquire(timeout=30)
        if "bad" in texts:
            raise ValueError("bad text")
        return np.array([[float(text)] * 384 for text in texts], dtype=np.float32)

    async def wait_running(self) -> None:
        assert await asyncio.to_thread(self.running.acquire, timeout=30)

    def release(self, batches: int = 100) -> None:
        self.go.release(batches)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def encode(slow: Slow) -> AsyncIterator[BatchingEncoder]:
    encode = BatchingEncoder(lambda: slow, batch=4, waiting=10)
    yield encode
    slow.release()
    await encode.aclose()


async def started(encode: BatchingEncoder, *texts: str) -> "asyncio.Task[Any]":
    task = asyncio.create_task(encode(texts))
    await asyncio.sleep(0)
    return task


async def test_a_hundred_callers_get_their_own_vectors(encoder: Encoder) -> None:
    texts = [f"Document number {i} of the archive" for i in range(100)]
    expected = encoder.encode(texts)
    encode = BatchingEncoder(lambda: encoder)
    results = await asyncio.gather(*(encode([text, texts[0]]) for text in texts))
    for i, vectors in enumerate(results):
        np.testing.assert_array_equal(vectors, expected[[i, 0]])
    await encode.aclose()


async def test_those_who_wait_share_the_next_batch(encode: BatchingEncoder, slow: Slow) -> None:
    tasks = [await started(encode, "1")]
    await slow.wait_running()
    tasks += [await started(encode, str(i)) for i in (2, 3, 4)]
    slow.release()
    results = await asyncio.gather(*tasks)
    assert [vectors[0, 0] for vectors in results] == [1, 2, 3, 4]
    assert slow.batches == [["1"], ["2", "3", "4"]]


async def test_a_large_request_leaves_room_for_small_ones(encode: BatchingEncoder, slow: Slow) -> None:
    large = await started(encode, *map(str, range(9)))
    await slow.wait_running()
    small = await started(encode, "70")
    slow.release()
    assert (await small)[0, 0] == 70
    assert (await large)[:, 0].tolist() == list(range(9))
    assert slow.batches == [["0", "1", "2", "3"], ["4", "5", "70"], ["6", "7", "8"]]


async def test_a_cancelled_caller_takes_its_texts_along(encode: BatchingEncoder, slow: Slow) -> None:
    running = await started(encode, "1")
    await slow.wait_running()
    leaving, staying = await started(encode, "2", "3"), await started(encode, "4")
    running.cancel()
    leaving.cancel()
    slow.release()
    assert (await staying)[0, 0] == 4
    assert running.cancelled()
    assert leaving.cancelled()
    assert slow.batches == [["1"], ["4"]]


async def test_too_many_texts_are_refused_until_there_is_room(encode: BatchingEncoder, slow: Slow) -> None:
    first = await started(encode, "1")
    await slow.wait_running()
    waiting = await started(encode, *map(str, range(8)))
    with pytest.raises(Overloaded, match="8 texts are waiting"):
        await encode(["1", "2", "3"])
    waiting.cancel()
    slow.release()
    await first
    assert (await encode(["1", "2", "3"])).shape == (3, 384)


async def test_a_request_larger_than_the_line_is_served_when_nobody_waits(encode: BatchingEncoder, slow: Slow) -> None:
    slow.release()
    assert (await encode([str(i) for i in range(50)]))[:, 0].tolist() == list(range(50))


async def test_a_failure_reaches_its_batch_and_the_next_one_runs(encode: BatchingEncoder, slow: Slow) -> None:
    failing = await started(encode, "1", "2", "3", "bad", "5")
    await slow.wait_running()
    later = await started(encode, "6")
    slow.release()
    with pytest.raises(ValueError, match="bad text"):
        await failing
    assert (await later)[0, 0] == 6
    assert slow.batches[1] == ["6"]


async def test_loading_is_tried_again_after_an_error(slow: Slow) -> None:
    outcomes: list[Any] = [ModelFilesError("no files"), slow]

    def load() -> Encoder:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[no-any-return]

    encode = BatchingEncoder(load)
    slow.release()
    with pytest.raises(ModelFilesError, match="no files"):
        await encode(["1"])
    assert (await encode(["1"]))[0, 0] == 1
    assert (await encode.ready()) is slow
    await encode.aclose()


async def test_closing_ends_what_runs_and_refuses_the_rest(slow: Slow) -> None:
    encode = BatchingEncoder(lambda: slow)
    running = await started(encode, "1")
    await slow.wait_running()
    waiting = await started(encode, "2")
    closing = asyncio.create_task(encode.aclose())
    with pytest.raises(Overloaded, match="closing"):
        await waiting
    slow.release()
    await closing
    assert (await running)[0, 0] == 1
    with pytest.raises(Overloaded, match="closed"):
        await encode(["3"])
    await encode.aclose()


async def test_nothing_in_nothing_out_and_no_odd_types(encode: BatchingEncoder) -> None:
    assert (await encode([])).shape == (0, 384)
    with pytest.raises(TypeError, match="list of texts"):
        await encode([1])  # type: ignore[list-item]


async def test_tokens_are_counted_whole(encoder: Encoder) -> None:
    encode = BatchingEncoder(lambda: encoder)
    assert await encode.count_tokens(["hello world", "", "word " * 400]) == [2, 0, 400]
    assert (await encode.ready()).fingerprint == encoder.fingerprint
    await encode.aclose()


async def test_token_vectors_come_one_text_after_the_other(encoder: Encoder) -> None:
    encode = BatchingEncoder(lambda: encoder)
    one, none = await encode.token_vectors(["hello world", ""])
    assert np.array_equal(one, encoder.token_vectors("hello world"))
    assert none.shape == (0, 384)
    await encode.aclose()
    with pytest.raises(Overloaded, match="closed"):
        await encode.token_vectors(["more"])
