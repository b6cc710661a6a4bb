"""Golden calls to one deployment: directly, with no cache, at temperature 0, at the sentinel's expense.

Knows nothing of what the answers are held against.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from pilothouse.call import Call
from pilothouse.cases import Case
from pilothouse.errors import (
    BudgetExceeded,
    InvalidRequest,
    ModelFilesError,
    Overloaded,
    PilothouseError,
    ProviderRejected,
)
from pilothouse.evals.judges.asking import STOPPING
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.gateway.shadow import said
from pilothouse.lifecycle.sentinel.answers import Answer, packed_vector
from pilothouse.lifecycle.sentinel.plan import Golden, Target
from pilothouse.protocols import Chat, Encode
from pilothouse.types import ChatRequest, Json

__all__ = ["Asker"]

_PATIENCE = 120.0  # seconds for an answer
_HELD_TRIES = 60


class Asker:
    """Asks with `params` in each request, `concurrency` at once. `make_call` gives the Call of one question. A field
    that a deployment refuses (`temperature`) is left out from then on."""

    def __init__(
        self, chat: Chat, encode: Encode | None, make_call: Callable[[], Call], params: Json, concurrency: int,
        evaluators: Sequence[Evaluator] = (), judge: str | None = None,
    ) -> None:  # fmt: skip
        self._chat = chat
        self._encode = encode
        self._make_call = make_call
        self._params = params
        self._places = asyncio.Semaphore(concurrency)
        self._evaluators = evaluators
        self._models = Models(make_call=make_call, chat=chat, judge=judge, encode=encode)
        self._without: set[str] = set()

    async def ask(self, target: Target, asked: Sequence[Golden]) -> dict[str, Answer]:
        """The answers by prompt. A call that fails is an answer with its error. Raises what no other call would fare
        better with (judges.asking.STOPPING): a spent budget, a price or a model that is not known."""
        tasks = [asyncio.ensure_future(self._answer(target, one)) for one in asked]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._embed(answers)
        return {one.key: answer for one, answer in zip(asked, answers, strict=True)}

    async def _answer(self, target: Target, golden: Golden) -> Answer:
        async with self._places:
            answer, case = await self._asked(target, golden)
            if case is not None:
                for evaluator in self._evaluators:
                    verdict = await evaluator.evaluate(case, self._models)
                    if verdict.status == "ok" and (verdict.score, verdict.passed) != (None, None):
                        value = float(verdict.passed or 0) if verdict.score is None else verdict.score
                        answer.scores[evaluator.name] = value
            return answer

    async def _asked(self, target: Target, golden: Golden, tries: int = 0) -> tuple[Answer, Case | None]:
        call, started = self._make_call(), time.monotonic()
        call.deadline = started + _PATIENCE
        try:
            body = await self._once(target, golden, call)
        except BudgetExceeded as error:
            if error.retry_after is None or tries >= _HELD_TRIES:
                raise
            await asyncio.sleep(error.retry_after)  # calls that run now hold the rest
            return await self._asked(target, golden, tries + 1)
        except STOPPING:
            raise
        except PilothouseError as error:
            if isinstance(error, InvalidRequest | ProviderRejected) and self._refused(target, error):
                return await self._asked(target, golden)
            return Answer(error=error.message), None
        seconds = time.monotonic() - started
        text = said(body)
        choice: Json = next(iter(body.get("choices") or ()), {})
        usage = body.get("usage") or {}
        answer = Answer(
            text=text, model=_text(body.get("model")), fingerprint=_text(body.get("system_fingerprint")),
            finish=_text(choice.get("finish_reason")), seconds=seconds, tokens=usage.get("completion_tokens"),
            scores={},
        )  # fmt: skip
        case = Case(
            id=golden.key, input=golden.input, output=text, expected=golden.expected, latency_s=seconds,
            trace_id=call.trace_id,
        )  # fmt: skip
        return answer, case

    async def _once(self, target: Target, golden: Golden, call: Call) -> Json:
        optional = {} if f"{target.model} temperature" in self._without else {"temperature": 0}
        body = {"model": target.model, "messages": golden.messages, **optional, **self._params}
        raw = b""
        async with aclosing(self._chat(ChatRequest.check(body), call)) as chunks:
            async for chunk in chunks:
                raw = chunk.raw
        try:
            answer = msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        return answer if isinstance(answer, dict) else {}

    def _refused(self, target: Target, error: PilothouseError) -> bool:
        """Whether to ask again without what the deployment does not take; it is noted."""
        place = f"{target.model} temperature"
        if "temperature" in self._params or place in self._without:
            return False
        if "temperature" not in f"{error.param or ''} {error.message}":
            return False
        self._without.add(place)
        return True

    async def _embed(self, answers: Sequence[Answer]) -> None:
        texts = list(dict.fromkeys(answer.text for answer in answers if answer.error is None and answer.text.strip()))
        if self._encode is None or not texts:
            return
        try:
            vectors = await self._encode(texts)
        except (Overloaded, ModelFilesError):
            return
        packed = {text: packed_vector(vector) for text, vector in zip(texts, vectors, strict=True)}
        for answer in answers:
            answer.vector = packed.get(answer.text) if answer.error is None else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
