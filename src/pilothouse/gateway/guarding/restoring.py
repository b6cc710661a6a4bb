"""The stand-ins in an answer become the values again that they stand for, in any dialect, whole or streaming, in texts
and in the arguments of tool calls.

This is done to what the caller gets, after what is kept of the call was read: spans, caches and guards see stand-ins.
"""

from collections.abc import Iterable, Sequence

from pilothouse.gateway.guarding.answers import Told, retold, told
from pilothouse.gateway.guarding.deltas import Channel
from pilothouse.gateway.guarding.watch import Watch
from pilothouse.gateway.guarding.wires import wire_of
from pilothouse.pii.pseudonyms import Pseudonyms, Restoring
from pilothouse.types import ChatChunk, ChatRequest, ModelRequest

__all__ = ["Restorer", "restorer_of"]


def restorer_of(watch: Watch | None, request: ModelRequest) -> "Restorer | None":
    """For the answer of a call whose guards gave stand-ins; None for any other."""
    pseudonyms = None if watch is None else watch.pseudonyms
    return Restorer(request, pseudonyms) if pseudonyms is not None and isinstance(request, ChatRequest) else None


class Restorer:
    """For one answer: feed it the chunks in their order and send on what it gives back, then what `end` does."""

    def __init__(self, request: ChatRequest, pseudonyms: Pseudonyms) -> None:
        self._request, self._pseudonyms = request, pseudonyms
        self._wire = wire_of(request) if request.stream else None
        self._open: dict[Channel, Restoring] = {}

    def feed(self, chunk: ChatChunk) -> Sequence[ChatChunk]:
        """The chunks that may leave now."""
        if self._wire is None:
            return [self._whole(chunk)]
        event, made = self._wire.read(chunk), list[ChatChunk]()
        texts = dict[Channel, str]()
        for delta in event.deltas:
            texts[delta.channel] = texts.get(delta.channel, "") + self._of(delta.channel).feed(delta.text)
        for channel in [*self._open] if event.all_end else event.ends:
            rest = self._ended(channel)
            if channel in texts:
                texts[channel] += rest
            elif rest:
                made.append(self._wire.add(channel, rest))
        written = self._wire.write(event, texts)
        return made if written is None else [*made, written]

    def end(self) -> Iterable[ChatChunk]:
        """What was held of a stream that ended without a word."""
        for channel in [*self._open]:
            if self._wire is not None and (rest := self._ended(channel)):
                yield self._wire.add(channel, rest)

    def _whole(self, chunk: ChatChunk) -> ChatChunk:
        body, operation = chunk.data, self._request.operation
        texts = dict[Told, str]()
        for one in told(body, operation):
            in_json = one.part == "arguments" and operation != "messages"  # there they are values, not a text of JSON
            text = self._pseudonyms.restored(one.text, in_json=in_json)
            if text != one.text:
                texts[one] = text
        return retold(chunk, body, operation, texts) if texts else chunk

    def _of(self, channel: Channel) -> Restoring:
        found = self._open.get(channel)
        if found is None:
            found = self._open[channel] = Restoring(self._pseudonyms, in_json=channel.part == "arguments")
        return found

    def _ended(self, channel: Channel) -> str:
        found = self._open.pop(channel, None)
        return "" if found is None else found.end()
