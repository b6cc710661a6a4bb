"""One question to a judge after another, until it has answered in a form that can be used.

A judge is a model behind the gateway: each question is a chat, routed, cached, priced, traced and budgeted as any
other. Knows nothing of what is judged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace as replaced

from pilothouse.call import Call, Progress, Recorder, Reservation, Span
from pilothouse.errors import (
    AccessError,
    BudgetExceeded,
    Cancelled,
    ConfigError,
    InvalidRequest,
    PilothouseError,
    ProviderRejected,
    StorageError,
    UnknownModel,
)
from pilothouse.evals.judges.reading import Malformed, read
from pilothouse.evals.shapes import Models, Verdict
from pilothouse.protocols import Encode
from pilothouse.types import ChatRequest, Json

__all__ = ["OF_NO_CASE", "STOPPING", "Judge", "JudgeFailed", "Manner", "Reply", "Said", "held"]

T = TypeVar("T")

STOPPING = (AccessError, BudgetExceeded, Cancelled, ConfigError, StorageError, UnknownModel)
"""What no other case would fare better with: raised, so that a run stops. All else is a verdict that failed."""
OF_NO_CASE = "of_no_case"
"""In a call's metadata: the question is the same for all cases, whichever comes first."""
_OPTIONAL: dict[str, Json] = {
    "temperature": {"temperature": 0},
    "response_format": {"response_format": {"type": "json_object"}},
    "logprobs": {"logprobs": True, "top_logprobs": 20},
}
"""What a judge is asked for as far as its model takes it."""
_AGAIN = "That cannot be used: {wrong}. Answer again, in the form that was asked for: one JSON object and nothing else."
_QUOTED = 200  # characters of an answer in an explanation
_SENT_BACK = 4000  # and in the question that asks for a better one


class JudgeFailed(Exception):
    """The judge was asked and did not tell; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said: its text, why it ended, its words of refusal, the log-probabilities of its tokens (as OpenAI
    has them in `choices[0].logprobs.content`), and of a corpus the places that it cites."""

    text: str = ""
    finish_reason: str = ""
    refusal: str = ""
    logprobs: Sequence[Json] = ()
    sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer as it was read, and as it was said."""

    value: T
    said: Said


@dataclass(frozen=True, slots=True)
class Manner:
    """How often a judge is asked again, and for how many seconds each of its answers is waited for. `left_out` are the
    optional fields that a model has turned out not to take, by model; it grows."""

    retries: int = 2
    timeout: float = 120.0
    left_out: dict[str, set[str]] = field(default_factory=dict)


class Judge:
    """The model `name`, asked within `call`. `reasked` counts the answers that were of no use."""

    def __init__(self, models: Models, call: Call, manner: Manner) -> None:
        assert models.chat is not None
        assert models.judge is not None
        self.call = call
        self.name = models.judge
        self.reasked = 0
        self._models = models
        self._chat = models.chat
        self._manner = manner

    @property
    def encode(self) -> Encode | None:
        return self._models.encode

    def inside(self) -> Models:
        """The same models for another evaluator whose questions belong into this one's call."""
        return replace(self._models, make_call=lambda: replace(self.call))

    def of_no_case(self) -> "Judge":
        """This judge, for a question that hangs on no case: an answer that is kept serves all of them."""
        other = copy(self)
        other.call = replace(self.call, metadata={**self.call.metadata, OF_NO_CASE: "true"})
        return other

    async def ask(self, messages: list[Json], reader: Callable[[Json], T], *, logprobs: bool = False) -> Reply[T]:
        """What `reader` makes of the JSON that the judge answers with. Raises JudgeFailed for a refusal, for silence,
        and after the last attempt; and what the gateway raises."""
        wanted = ["temperature", "response_format", *(["logprobs"] if logprobs else [])]
        asked, wrong, said = messages, "", Said()
        for _ in range(self._manner.retries + 1):
            said = await self.say(asked, self.name, wanted)
            if said.refusal or said.finish_reason == "content_filter":
                raise JudgeFailed(f"The judge '{self.name}' refused to judge: {_quoted(said.refusal or said.text)}")
            try:
                return Reply(read(said.text, reader), said)
            except Malformed as error:
                cut = " (it was cut off at its greatest length)" if said.finish_reason == "length" else ""
                wrong = f"{error}{cut}"
            self.reasked += 1
            again = {"role": "user", "content": _AGAIN.format(wrong=wrong)}
            asked = [*messages, {"role": "assistant", "content": said.text[:_SENT_BACK] or "(nothing)"}, again]
        raise JudgeFailed(
            f"The judge '{self.name}' gave no usable answer in {self._manner.retries + 1} attempts: {wrong}. "
            f"Its last one: {_quoted(said.text)}"
        )

    async def say(self, messages: list[Json], model: str, wanted: Sequence[str] = ()) -> Said:
        """What a model answers to these messages. Of the fields that are `wanted` those are left out that it refuses.
        Raises JudgeFailed when it does not end in time, and what the gateway raises."""
        known = self._manner.left_out.setdefault(model, set())
        refused: set[str] = set()
        while True:
            given = [name for name in wanted if name not in known | refused]
            body: Json = {"model": model, "messages": messages}
            for name in given:
                body |= _OPTIONAL[name]
            try:
                said = await self._once(ChatRequest.check(body))
            except (InvalidRequest, ProviderRejected) as error:
                named = _refused(error, given)
                if named is None:
                    raise
                refused.add(named)
            else:
                known |= refused
                return said

    async def _once(self, request: ChatRequest) -> Said:
        """One call of its own, so that nothing that the gateway notes on it is taken for the next question's."""
        left = self.call.remaining()
        seconds = self._manner.timeout if left is None else min(left, self._manner.timeout)
        call = replace(self.call, deadline=time.monotonic() + seconds, headers=[])
        raw = b""
        try:
            async with asyncio.timeout(seconds), aclosing(self._chat(request, call)) as chunks:
                async for chunk in chunks:
                    raw = chunk.raw
        except TimeoutError:
            raise JudgeFailed(f"'{request.model}' did not answer within {seconds:g} seconds.") from None
        return _said(raw)


async def held(name: str, models: Models, manner: Manner, work: Callable[[Judge], Awaitable[Verdict]]) -> Verdict:
    """The verdict of the evaluator `name` that `work` comes to. `models` has a chat and a judge.

    It has what all its calls cost, those included that came to nothing, and the trace they are in; `detail` says which
    optional fields the judge did without, and how often it was asked again. What a judge, its provider or a rate limit
    spoils is a verdict that failed (`detail["retryable"]` says whether another time may help). Raises what would spoil
    every other case, too, one of STOPPING: a spent budget, a model or a corpus that does not exist, a key that may not
    ask it, a database that is away.
    """
    call = models.make_call()
    call.guarded = False  # what it is to judge has been through the guards of its own call
    call.recorder = tally = _Tally(call.recorder)
    judge = Judge(models, call, manner)
    try:
        with call.step(f"evaluate {name}", "evaluator") as (span, inner):
            # The questions are the caller's own, not part of some model's answer: limits and policies hold for them.
            judge.call = replace(inner, depth=call.depth, degradable=False)
            span.attributes |= {"evaluator": name, "judge": judge.name}
            verdict = await work(judge)
            span.attributes |= {"verdict": verdict.status, "score": verdict.score}
    except STOPPING:
        raise
    except JudgeFailed as error:
        verdict = Verdict.failed(name, str(error))
    except PilothouseError as error:
        told: Json = {"error": error.code, "retryable": error.retryable}
        verdict = Verdict.failed(name, f"The judge '{judge.name}' could not tell: {error.message}", detail=told)
    detail = {"judge": judge.name, **verdict.detail}
    if judge.reasked:
        detail["reasked"] = judge.reasked
    if without := manner.left_out.get(judge.name):
        detail["without"] = sorted(without)
    return replaced(verdict, cost_nano=tally.nano, trace_id=call.trace_id, detail=detail)


class _Tally:
    """A recorder that adds up what the calls cost whose spans pass through it; None once one has no known price. Shadow
    traffic is not the judge's."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.nano: int | None = 0

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span) and "shadow" not in record.attributes:
            if not record.cost_known:
                self.nano = None
            elif self.nano is not None:
                self.nano += record.cost_nano or 0
        self._recorder.record(record)


def _refused(error: PilothouseError, given: Sequence[str]) -> str | None:
    """Which of the optional fields a model does not take, by what the error names."""
    named = f"{error.param or ''} {error.message}"
    return next((name for name in given if any(part in named for part in _OPTIONAL[name])), None)


def _said(raw: bytes) -> Said:
    """The first choice of an answer; whatever is not in the documented shape says nothing."""
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said()
    choice = answer.choices[0] if answer.choices else _Choice()
    message = choice.message or _Message()
    content = message.content
    parts = [content] if isinstance(content, str) else [part.text or "" for part in content or ()]
    logprobs = _objects(choice.logprobs.get("content") if isinstance(choice.logprobs, dict) else None)
    sources = [str(citation["place"]) for citation in _objects(answer.citations) if "place" in citation]
    return Said("\n".join(parts), choice.finish_reason or "", message.refusal or "", logprobs, sources)


def _objects(given: Any) -> list[Json]:
    """A list of objects, as vendors that have something else under such a name do not send it."""
    return given if isinstance(given, list) and all(isinstance(one, dict) for one in given) else []


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    citations: Any = None


def _quoted(text: str) -> str:
    short = " ".join(text.split())
    return f'"{short if len(short) <= _QUOTED else short[: _QUOTED - 3] + "..."}"'
