"""A Chat around the gateway's that asks nothing twice. An answer is kept by a hash of all that it depends on: the
request, the trial, and what the model's name stands for now. Failures are never kept.

Whoever asks cannot tell a kept answer from a new one; a kept one costs nothing and asks nobody. A vendor's 429 is
waited for and fails nothing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from hashlib import blake2b

import msgspec

from pilothouse.call import Call, Progress, Recorder, Reservation, Span
from pilothouse.errors import Overloaded, ProviderProtocolError, RateLimited, TooManyRequests
from pilothouse.evals.judges.asking import OF_NO_CASE
from pilothouse.evals.runs.book import AnswerBook
from pilothouse.evals.runs.throttle import Throttle
from pilothouse.evals.runs.turns import Turn
from pilothouse.passages import parse_passages
from pilothouse.protocols import Chat
from pilothouse.storage.evaluating.eval_answers import KeptAnswer
from pilothouse.types import ChatChunk, ChatRequest, text_of

__all__ = ["PROMPT", "Fingerprint", "Keys", "Remembered", "whose"]

Fingerprint = Callable[[str], Awaitable[str]]
"""What a model's name stands for now, or a version of a prompt after PROMPT: another text once its answers may be
others. Raises UnknownModel."""

PROMPT = "prompt:"
"""Before `name@version`, where the name of a model stands else."""

PATIENCE = 900.0  # seconds that one question waits in all because of 429s
_LONGEST_WAIT = 60.0
_SLOW_DOWN = (RateLimited, TooManyRequests, Overloaded)


class Keys:
    """The names under which answers are kept. `salt` keeps some apart from all others."""

    def __init__(self, fingerprint: Fingerprint, salt: str = "") -> None:
        self._fingerprint, self._salt = fingerprint, salt
        self._prints: dict[str, str] = {}

    async def of(self, turn: Turn, request: ChatRequest) -> str:
        """32 hex digits that depend on all that the answer depends on. Raises UnknownModel."""
        named, prompt = [request.model], request.body.get("prompt")
        if isinstance(prompt, dict):  # what it includes may stand for something else tomorrow
            named.append(f"{PROMPT}{prompt.get('name')}@{prompt.get('version')}")
        for name in named:
            if name not in self._prints:
                self._prints[name] = await self._fingerprint(name)
        body = {name: value for name, value in request.body.items() if name not in ("stream", "stream_options")}
        told = [*(self._prints[name] for name in named), body, turn.trial, turn.source, self._salt]
        return blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=16).hexdigest()


class Remembered:
    """Of one run. `salt` keeps its answers apart from those of other runs, where nothing kept is to be used."""

    def __init__(
        self, chat: Chat, book: AnswerBook, throttle: Throttle, run_id: str, fingerprint: Fingerprint, salt: str = ""
    ) -> None:
        self._chat, self._book, self._throttle = chat, book, throttle
        self._run, self._keys = run_id, Keys(fingerprint, salt)
        self._paid_here: set[str] = set()
        self._running: dict[str, asyncio.Future[None]] = {}

    def of(self, turn: Turn) -> Chat:
        """The Chat of one turn, which hears what its answers cost."""
        return partial(self._ask, turn)

    async def _ask(self, turn: Turn, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        began = time.perf_counter()
        answer = await self._answer(turn, request, call)
        turn.inside_s += time.perf_counter() - began
        yield ChatChunk(answer.body["raw"].encode())

    async def _answer(self, turn: Turn, request: ChatRequest, call: Call) -> KeptAnswer:
        key = await self._keys.of(whose(turn, call), request)
        while (running := self._running.get(key)) is not None:  # another asks this: its answer will be found
            await asyncio.wait([running])
        done = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            found = await self._book.find(key)
            fresh = found is None
            if found is None:
                found = await self._asked(turn, key, request, call)
        finally:
            del self._running[key]
            done.set_result(None)
        if fresh:
            self._paid_here.add(key)
        if turn.note(key, found, fresh=fresh) and key not in self._paid_here:
            self._throttle.spend(found.cost_nano)  # paid by a process of this run that is gone
        return found

    async def _asked(self, turn: Turn, key: str, request: ChatRequest, call: Call) -> KeptAnswer:
        waited, wait = 0.0, 1.0
        while True:
            await self._throttle.enter(turn)
            noting = _Noting(call, key, partial(self._keep, whose(turn, call), key))
            try:
                return await self._once(key, request, call, noting)
            except _SLOW_DOWN as error:
                seconds = getattr(error, "retry_after", None) or wait
                waited, wait = waited + seconds, min(2 * wait, _LONGEST_WAIT)
                if waited > PATIENCE:
                    raise
                self._throttle.pause(seconds)
            finally:
                self._throttle.leave(noting.nano)

    async def _once(self, key: str, request: ChatRequest, call: Call, noting: "_Noting") -> KeptAnswer:
        """One call. The answer is kept before its span is recorded, and so before it is charged."""
        asked = replace(
            call, recorder=noting, request_id=f"eval_{key}", cache_control="no-store, no-cache", degradable=False
        )
        self._book.begin(key)
        request = request.edited(stream=False) if request.stream else request
        async with aclosing(self._chat(request, asked)) as chunks:
            async for chunk in chunks:
                noting.raw = chunk.raw
        if noting.kept is None:
            raise ProviderProtocolError(f"'{request.model}' gave no whole answer.")
        return noting.kept

    def _keep(self, turn: Turn, key: str, noting: "_Noting", span: Span) -> KeptAnswer:
        kept = KeptAnswer(
            body={"raw": noting.raw.decode("utf-8", "replace"), "context": noting.context},
            latency_us=noting.elapsed_us, cost_nano=noting.nano, run_id=self._run, trace_id=turn.trace_id,
            source_trace=turn.source[0], source_user=turn.source[1],
        )  # fmt: skip
        self._book.keep(key, kept)
        return kept


def whose(turn: Turn, call: Call) -> Turn:
    """What an answer belongs to: a turn with its trial and source, or no case at all."""
    return Turn(trace_id=turn.trace_id) if OF_NO_CASE in call.metadata else turn


class _Noting:
    """The recorder of one call: adds up what its steps cost, and hands the answer over once its own span ends well."""

    def __init__(self, call: Call, key: str, keep: Callable[["_Noting", Span], KeptAnswer]) -> None:
        self._recorder: Recorder = call.recorder
        self._parent, self._request = call.parent_id, f"eval_{key}"
        self._began = time.perf_counter_ns()
        self._keep = keep
        self.raw = b""
        self.nano: int | None = 0
        self.kept: KeptAnswer | None = None
        self.context: list[str] | None = None

    @property
    def elapsed_us(self) -> int:
        return (time.perf_counter_ns() - self._began) // 1000

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span) and "shadow" not in record.attributes:
            if not record.cost_known:
                self.nano = None
            elif self.nano is not None:
                self.nano += record.cost_nano or 0
            outermost = record.parent_id == self._parent and record.request_id == self._request
            if not outermost:
                self._look(record)
            elif record.status == "ok" and self.raw:
                self.kept = self._keep(self, record)
        self._recorder.record(record)

    def _look(self, span: Span) -> None:
        """The passages that a corpus gave to the model that answers from it."""
        if span.kind == "llm" and span.input is not None:
            messages = span.input.get("messages") or [{}]
            passages, _ = parse_passages(text_of(messages[-1].get("content")))
            if passages:
                self.context = [passage.text for passage in passages]
