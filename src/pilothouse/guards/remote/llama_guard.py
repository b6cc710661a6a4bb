"""Llama Guard 3 and 4 behind the gateway: https://www.llama.com/docs/model-cards-and-prompt-formats/llama-guard-3/.

The server of the model (vLLM, Ollama, a hosted one) applies the model's own chat template, which holds the task and the
categories; what is sent is the conversation.
"""

import math
import re
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec

from pilothouse.errors import ConfigError, PilothouseError
from pilothouse.guarded import GuardResult
from pilothouse.guards.remote.asking import sendable
from pilothouse.protocols import Chat, Guard, Models, Subject
from pilothouse.types import ChatRequest, Json

__all__ = ["CATEGORIES", "LlamaGuard"]

CATEGORIES = {
    "S1": "violent_crimes", "S2": "non_violent_crimes", "S3": "sex_crimes", "S4": "child_exploitation",
    "S5": "defamation", "S6": "specialized_advice", "S7": "privacy", "S8": "intellectual_property",
    "S9": "indiscriminate_weapons", "S10": "hate", "S11": "self_harm", "S12": "sexual_content", "S13": "elections",
    "S14": "code_interpreter_abuse",
}  # fmt: skip
"""The hazards that the model tells, by its codes."""
_CODE = re.compile(r"\bS\d{1,2}\b")


@dataclass(frozen=True, kw_only=True)
class LlamaGuard(Guard):
    """Triggers where the `model`, a name of the gateway, says that the text is unsafe, in one of `categories` (S1 to
    S14) or in any where there are none. An answer is judged with the question before it.

    With a `threshold` the model is asked for log-probabilities, and triggers where that of "unsafe" as the first word
    reaches it. What it costs stands at the model's own call.
    """

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"

    model: str
    categories: tuple[str, ...] = ()
    threshold: float | None = None
    name: str = "llama_guard"

    def __post_init__(self) -> None:
        for category in self.categories:
            if category not in CATEGORIES:
                where = f"{self.name}.categories"
                raise ConfigError(
                    f"{where}: there is no '{category}'. There are: {', '.join(CATEGORIES)}.", param=where
                )
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ConfigError(f"{self.name}.threshold: must be in (0, 1).", param=f"{self.name}.threshold")

    async def check(self, subject: Subject) -> GuardResult:
        models = subject.conversation.models
        if models is None or models.chat is None:
            return GuardResult.skipped(self.name, "There is no model to ask.")
        if not subject.text.strip():
            return GuardResult.skipped(self.name, "The text is empty.")
        try:
            answer = await _answer(models, models.chat, self._request(subject))
        except PilothouseError as error:
            return GuardResult.failed(self.name, f"'{self.model}' could not be asked: {error.message}")
        return self._read(answer)

    def _request(self, subject: Subject) -> ChatRequest:
        messages = [{"role": "user", "content": sendable(subject.text)}]
        if subject.stage == "output":
            asked = sendable(subject.conversation.question) or "(not told)"
            messages = [{"role": "user", "content": asked}, {**messages[0], "role": "assistant"}]
        body: Json = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": 32}
        return ChatRequest(body if self.threshold is None else {**body, "logprobs": True, "top_logprobs": 5})

    def _read(self, answer: Json) -> GuardResult:
        choice = _first(answer.get("choices"))
        said = str((choice.get("message") or {}).get("content") or "").strip()
        word, _, rest = said.partition("\n")
        if word.strip().lower() not in ("safe", "unsafe"):
            return GuardResult.failed(self.name, f"'{self.model}' says neither safe nor unsafe.")
        score = _unsafe(choice)
        if self.threshold is not None and score is None:
            return GuardResult.failed(self.name, f"'{self.model}' gives no log-probabilities.")
        unsafe = (
            word.strip().lower() == "unsafe" if self.threshold is None or score is None else score >= self.threshold
        )
        codes = [*dict.fromkeys(_CODE.findall(rest))]
        counted = [code for code in codes if code in self.categories] if self.categories else codes
        detail: Json = {"categories": codes}
        # A text that passes the threshold but was called safe has no code: which category it is nobody knows.
        if not unsafe or (self.categories and codes and not counted):
            return GuardResult.passed(self.name, score=score, detail=detail)
        kinds = ", ".join(f"{code} ({CATEGORIES.get(code, 'unknown')})" for code in counted) or "no category"
        return GuardResult.triggered(self.name, f"Llama Guard finds it unsafe: {kinds}.", score=score, detail=detail)


async def _answer(models: Models, chat: Chat, request: ChatRequest) -> Json:
    raw = b""
    async with aclosing(chat(request, models.make_call())) as chunks:
        async for chunk in chunks:
            raw = chunk.raw
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _first(given: Any) -> Json:
    return given[0] if isinstance(given, list) and given and isinstance(given[0], dict) else {}


def _unsafe(choice: Json) -> float | None:
    """The probability that the first word is "unsafe" and not "safe", of the first token that has letters."""
    logprobs = choice.get("logprobs")
    for token in (logprobs.get("content") or ()) if isinstance(logprobs, dict) else ():
        if not isinstance(token, dict) or not str(token.get("token") or "").strip():
            continue
        shares = {"safe": 0.0, "unsafe": 0.0}
        for one in token.get("top_logprobs") or [token]:
            begun, value = str(one.get("token") or "").strip().lower(), one.get("logprob")
            for word in shares:
                if begun and word.startswith(begun) and isinstance(value, int | float):
                    shares[word] += math.exp(min(0.0, value))
        whole = shares["safe"] + shares["unsafe"]
        return shares["unsafe"] / whole if whole else None
    return None
