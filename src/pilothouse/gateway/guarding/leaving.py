"""What the guards do with an answer before it leaves: redacted, cut off, replaced by the fallback, asked for again.

A stream is looked at while it flows, and ends where a guard stops it; an answer that may have to be given again is held
until it has passed.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from msgspec import structs

from pilothouse.gateway.guarding.answers import Told, retold, told, unread
from pilothouse.gateway.guarding.canned import canned
from pilothouse.gateway.guarding.deltas import Channel, Event
from pilothouse.gateway.guarding.forms import asked_schema
from pilothouse.gateway.guarding.regions import read_again
from pilothouse.gateway.guarding.watch import HOLD, RETRIES, Watch
from pilothouse.gateway.guarding.wires import wire_of
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.guards.judging import Judged
from pilothouse.guards.streaming import Outlet, hold_back
from pilothouse.types import ChatChunk, ChatRequest, Json, Usage, text_of

__all__ = ["leaving"]


def leaving(watch: Watch, request: ChatRequest, chunks: AsyncGenerator[ChatChunk]) -> AsyncGenerator[ChatChunk]:
    """The chunks that may leave of those that come."""
    watch.schema = asked_schema(request)
    output = watch.at("output")
    if request.stream:
        held = hold_back(output)
        watch.span.attributes[HOLD] = "all" if held is None else held
        if not watch.changes_answers:
            return _noted(watch, request, chunks)
    if request.stream and not any(one.action == "retry" for one in output):
        return _streamed(watch, request, chunks)
    return _passed(watch, request, chunks)


class _Outlets:
    """One for each channel of an answer."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._by_channel: dict[Channel, Outlet] = {}

    async def feed(self, channel: Channel, text: str) -> str:
        outlet = self._by_channel.get(channel)
        if outlet is None:
            outlet = self._by_channel[channel] = self._made(channel)
        return await outlet.feed(text)

    async def end(self, channels: Iterable[Channel] | None = None) -> dict[Channel, str]:
        """What was held of these channels, of all where none are named."""
        ending = [*self._by_channel] if channels is None else [one for one in channels if one in self._by_channel]
        return {one: await self._by_channel[one].end() for one in ending}

    @property
    def stopped(self) -> Judged | None:
        return next((one.stopped for one in self._by_channel.values() if one.stopped is not None), None)

    @property
    def characters(self) -> int:
        return sum(one.size for one in self._by_channel.values())

    def note(self) -> None:
        """Tell what the guards said of all of it."""
        self._watch.note(one for outlet in self._by_channel.values() for one in outlet.judged)

    def _made(self, channel: Channel) -> Outlet:
        watch = self._watch
        if channel.part == "arguments":
            return Outlet(watch.at("tool"), watch.conversation, stage="tool", hold_all=True)
        placed = watch.at("output")
        if channel.part == "reasoning":
            placed = [one for one in placed if one.guard.reads != "whole"]
        return Outlet(placed, watch.conversation, schema=watch.schema)


async def _noted(
    watch: Watch, request: ChatRequest, chunks: AsyncGenerator[ChatChunk]
) -> AsyncGenerator[ChatChunk]:  # fmt: skip
    """Of guards that change nothing: every chunk leaves as it came, at once."""
    wire, outlets = wire_of(request), _Outlets(watch)
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                event = wire.read(chunk)
                for delta in event.deltas:
                    await outlets.feed(delta.channel, delta.text)
                if event.unread is not None:
                    watch.unread([event.unread])
                yield chunk
        await outlets.end()
    finally:
        outlets.note()


async def _streamed(
    watch: Watch, request: ChatRequest, chunks: AsyncGenerator[ChatChunk]
) -> AsyncGenerator[ChatChunk]:  # fmt: skip
    wire, outlets, used = wire_of(request), _Outlets(watch), None
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                event, used = wire.read(chunk), chunk.usage or used
                if event.unread is not None:
                    watch.unread([event.unread])
                texts, ended = await _looked(outlets, event)
                for channel, text in ended.items():
                    yield wire.add(channel, text)
                if outlets.stopped is not None:
                    for channel, text in texts.items():
                        if text:
                            yield wire.add(channel, text)
                    break
                if (made := wire.write(event, texts)) is not None:
                    yield made
            else:
                for channel, text in (await outlets.end()).items():
                    if text:
                        yield wire.add(channel, text)
        stopped = outlets.stopped
        if stopped is not None:
            finish, said = _instead(watch, stopped)
            for one in wire.stop(finish, said, _used(watch, used, outlets.characters)):
                yield one
    finally:
        outlets.note()


async def _looked(outlets: _Outlets, event: Event) -> tuple[dict[Channel, str], dict[Channel, str]]:
    """What may leave with the event in place of what it adds, and before it, of channels that it only ends."""
    texts = dict[Channel, str]()
    for delta in event.deltas:
        texts[delta.channel] = texts.get(delta.channel, "") + await outlets.feed(delta.channel, delta.text)
    ended = dict[Channel, str]()
    for channel, text in (await outlets.end(None if event.all_end else event.ends)).items():
        if channel in texts:
            texts[channel] += text
        elif text:
            ended[channel] = text
    return texts, ended


async def _passed(
    watch: Watch, request: ChatRequest, chunks: AsyncGenerator[ChatChunk]
) -> AsyncGenerator[ChatChunk]:  # fmt: skip
    """A JSON answer, and any that may have to be given again: nothing leaves before it has passed."""
    asked, tries, used = request, 0, None
    while True:
        async with aclosing(chunks):
            answer = [chunk async for chunk in chunks]
        used = used if tries else _usage_of(answer)  # each further answer is charged by a call of its own
        made, stopped = await (_looked_at_stream if request.stream else _looked_at)(watch, request, answer)
        if stopped is None:
            for chunk in made:
                yield chunk if chunk.usage is None else replace(chunk, usage=used)
            return
        if stopped.placed.action != "retry" or tries >= stopped.placed.rules.retries:
            break
        tries += 1
        watch.span.attributes[RETRIES] = tries
        asked = _corrected(asked, "".join(chunk.text for chunk in answer), stopped)
        chunks = watch.chat(asked, watch.own_call())
    finish, said = _instead(watch, stopped)
    async with aclosing(canned(request, watch.call, said, finish, used)) as instead:
        async for chunk in instead:
            yield chunk


async def _looked_at(
    watch: Watch, request: ChatRequest, answer: Sequence[ChatChunk]
) -> tuple[Sequence[ChatChunk], Judged | None]:  # fmt: skip
    """The answer as it may leave, or who stopped it."""
    if not answer:
        return answer, None
    chunk = answer[-1]
    body, texts, outlets = chunk.data, dict[Told, str](), _Outlets(watch)
    for number, one in enumerate(told(body, request.operation)):
        channel = Channel((one.part, number))
        left = await outlets.feed(channel, one.text) + (await outlets.end([channel])).get(channel, "")
        if left != one.text:
            texts[one] = left
    outlets.note()
    watch.unread(unread(body, request.operation))
    return ([retold(chunk, body, request.operation, texts)] if texts else answer), outlets.stopped


async def _looked_at_stream(
    watch: Watch, request: ChatRequest, answer: Sequence[ChatChunk]
) -> tuple[Sequence[ChatChunk], Judged | None]:  # fmt: skip
    outlets, wire = _Outlets(watch), wire_of(request)
    for chunk in answer:
        for delta in wire.read(chunk).deltas:
            await outlets.feed(delta.channel, delta.text)
    await outlets.end()
    if outlets.stopped is not None:
        outlets.note()
        return answer, outlets.stopped
    return [chunk async for chunk in _streamed(watch, request, _each(answer))], None


def _instead(watch: Watch, judged: Judged) -> tuple[str, str]:
    """(finish reason, what is said instead)."""
    watch.answers("cut" if judged.placed.action == "block" else "fallback")
    return ("content_filter", "") if judged.placed.action == "block" else ("stop", judged.placed.rules.fallback)


def _used(watch: Watch, used: Usage | None, characters: int) -> Usage:
    """Of an answer that was cut off: what its provider said of it until then, and at least what came."""
    written = estimate_tokens(characters)
    if used is None:
        return Usage(watch.count_input(), written, estimated=True)
    return structs.replace(used, output_tokens=max(used.output_tokens, written), estimated=True)


def _corrected(request: ChatRequest, answer: str, judged: Judged) -> ChatRequest:
    """The request once more, with the answer that would not do and what is to be mended."""
    wanted = judged.result.correction or judged.result.reason
    say = f"Your last answer cannot be used. {wanted} Answer the request again, with nothing else."
    turns: list[Json] = [{"role": "assistant", "content": answer or "(no text)"}, {"role": "user", "content": say}]
    match request.operation:
        case "messages":
            return _remade(request, messages=[*request.body["messages"], *turns])
        case "responses":
            given = request.body.get("input")
            before = [{"role": "user", "content": given}] if isinstance(given, str) else [*(given or ())]
            return _remade(request, input=[*before, *turns])
        case "text_completion":
            prompt = text_of(request.body.get("prompt"))
            return _remade(request, prompt=f"{prompt}\n{answer}\n\n{say}\n")
    return _remade(request, messages=[*request.body["messages"], *turns])


def _remade(request: ChatRequest, **fields: object) -> ChatRequest:
    return read_again(request, {**request.body, **fields})


def _usage_of(answer: Sequence[ChatChunk]) -> Usage | None:
    return next((chunk.usage for chunk in reversed(answer) if chunk.usage is not None), None)


async def _each(chunks: Sequence[ChatChunk]) -> AsyncGenerator[ChatChunk]:
    for chunk in chunks:
        yield chunk
