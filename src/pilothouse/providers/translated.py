"""The course of a call to a vendor that speaks a format of its own: translate, post, read the answer back.

    request -> translated(): url, body, AnswerReader -> post -> frames() -> AnswerReader.feed ... end -> chunks

A vendor's provider fills in `translated`, and its framing and signs of failure where they differ from these. Knows
nothing of any vendor.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from yarl import URL

from pilothouse.call import Call
from pilothouse.errors import InvalidRequest, ProviderError, Unsupported
from pilothouse.providers.base import HttpProvider
from pilothouse.providers.completion import Completion, embeddings
from pilothouse.providers.failures import UNREADABLE
from pilothouse.providers.sse import SseReader
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, EmbedResponse, Json, Usage

__all__ = ["AnswerReader", "EmbedBatch", "Frames", "SseFrames", "TranslatingProvider", "Translation"]

T = TypeVar("T")
EmbedBatch = Callable[[list[str]], Awaitable[tuple[list[list[float]], int | None]]]
"""Embeds a few texts; gives their vectors and the tokens they cost, None where the vendor did not count."""

_MOST_PAGES = 100  # of a list of models: more than any vendor has, and an end to a server that always names a next one
_OUT_OF_FORMAT = (KeyError, IndexError, TypeError, ValueError, AttributeError, *UNREADABLE)
"""What reading an answer raises where a field is missing or of another type than documented."""


class AnswerReader(ABC):
    """Reads one answer, whole or event by event, into chunks. `done` once no further event is awaited.

    Its methods may raise KeyError, TypeError and the like for an answer outside the documented format.
    """

    done = False

    def __init__(self, completion: Completion) -> None:
        self.completion = completion

    @abstractmethod
    def whole(self, body: Json) -> ChatChunk:
        """The one chunk of a JSON answer."""

    @abstractmethod
    def feed(self, event: Json) -> list[ChatChunk]:
        """The chunks that an event of the stream stands for."""

    @abstractmethod
    def end(self) -> list[ChatChunk] | None:
        """The last chunks, once the stream has ended; None where the answer was not complete."""


class Frames(Protocol):
    """Decodes the bytes of a stream, cut anywhere. Raises ValueError for bytes outside the format."""

    def feed(self, fragment: bytes) -> list[Json]: ...

    def finish(self) -> list[Json]: ...


class SseFrames:
    """Server-sent events whose data is a JSON object each, but for a closing `[DONE]`."""

    def __init__(self) -> None:
        self._reader = SseReader()

    def feed(self, fragment: bytes) -> list[Json]:
        return _objects(self._reader.feed(fragment))

    def finish(self) -> list[Json]:
        return _objects(self._reader.finish())


class Translation(NamedTuple):
    """A request in the vendor's format, and the reader of the answer to come."""

    url: str | URL
    body: Json
    answer: AnswerReader


class TranslatingProvider(HttpProvider, ABC):
    """Base of the providers whose vendor speaks a format of its own."""

    @abstractmethod
    def translated(self, request: ChatRequest) -> Translation:
        """The request in the vendor's format. Raises InvalidRequest or Unsupported naming the field."""

    def failure_in(self, data: Json) -> ProviderError | None:
        """The failure that a 200 answer or an event of a stream tells of, if it does."""
        return None

    def frames(self) -> Frames:
        """The framing of a stream."""
        return SseFrames()

    async def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        try:
            url, body, answer = self.translated(request)
            raw = msgspec.json.encode(body)
        except RecursionError:
            raise InvalidRequest("The request is nested too deeply.") from None
        async with self.post(url, raw, call) as response:
            if not request.stream:
                data = self.reading(_decoded, await self.whole(response))
                yield self._checked(answer.whole, data)
                return
            frames, events = self.frames(), 0
            async for fragment in response:
                for event in self.reading(frames.feed, fragment):
                    events += 1
                    for chunk in self._checked(answer.feed, event):
                        yield chunk
                if answer.done:
                    break
            for event in self.reading(frames.finish):
                for chunk in self._checked(answer.feed, event):
                    yield chunk
            last = answer.end()
            if last is None:
                raise self.broken_off() if events else self.protocol_error("streamed nothing in its documented format")
            for chunk in last:
                yield chunk
            await self.stream_end(response)

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        raise Unsupported(f"Provider '{self.name}' has no embeddings.", param="model")

    async def embed_in_batches(self, request: EmbedRequest, size: int, embed: EmbedBatch) -> EmbedResponse:
        """The embeddings of all inputs, asked for `size` texts at a time; `embed` asks for one batch."""
        texts = request.texts
        vectors: list[list[float]] = []
        counts: list[int | None] = []
        for start in range(0, len(texts), size):
            rows, tokens = await embed(texts[start : start + size])
            vectors += rows
            counts.append(tokens)
        if len(vectors) != len(texts):
            raise self.protocol_error(f"answered {len(texts)} texts with {len(vectors)} embeddings")
        usage = None if None in counts else Usage(sum(tokens or 0 for tokens in counts))
        return embeddings(vectors, request.model, usage, request.body.get("encoding_format"))

    async def named_on_pages(self, url: str, read: Callable[[Json], tuple[list[str], str]]) -> list[str]:
        """Names from a list that comes in pages; `read` gives a page's names and what to add to `url` for the next."""
        names: list[str] = []
        more = ""
        for _ in range(_MOST_PAGES):
            page, more = self.reading(read, await self.get_json(url + more))
            names += page
            if not more:
                break
        return names

    async def post_json(self, url: str | URL, body: Json, call: Call) -> tuple[Json, Mapping[str, str]]:
        """The decoded body and the headers of a JSON answer."""
        async with self.post(url, msgspec.json.encode(body), call) as response:
            return self.reading(_decoded, await self.whole(response)), response.headers

    def reading(self, read: Callable[..., T], *given: Any) -> T:
        """`read(*given)`, whose failures mean that the vendor answered outside its documented format."""
        try:
            return read(*given)
        except _OUT_OF_FORMAT as error:
            raise self.protocol_error(f"answered outside its documented format ({error!r})") from error

    def _checked(self, read: Callable[[Json], T], data: Json) -> T:
        failure = self.reading(self.failure_in, data)
        if failure is not None:
            raise failure
        return self.reading(read, data)


def _objects(events: list[bytes]) -> list[Json]:
    return [_decoded(data) for data in events if data != b"[DONE]"]


def _decoded(raw: bytes) -> Json:
    return msgspec.json.decode(raw, type=Json)
