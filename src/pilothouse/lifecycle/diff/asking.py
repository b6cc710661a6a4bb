"""How one side of a comparison asks: which messages and parameters, of whom, through which gateway.

The task of a side under another configuration goes to the gateway beside; judges always ask the one that serves, so
that both sides have the same judge. The two are told apart by a mark before the model's name.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace

import msgspec

from pilothouse.call import Call
from pilothouse.cases import Case
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.runs.rooms import Rooms
from pilothouse.evals.runs.subject import Asking, ModelSubject, TaskFailed
from pilothouse.evals.runs.templates import Unfilled, messages_of
from pilothouse.evals.runs.turns import Turn
from pilothouse.ids import content_hash
from pilothouse.types import ChatChunk, ChatRequest, Json, text_of

__all__ = ["BESIDE", "RECORDED", "SideSubject", "beside_rooms", "priced_as_recorded"]

BESIDE = "beside:"
RECORDED = "(the model that was asked then)"


@dataclass(frozen=True, slots=True)
class SideSubject(ModelSubject):
    """Asks `model`, for RECORDED the model that each call asked, with its messages and parameters; `messages` and
    `params` of a prompt come in their place. `requests` are those of recorded calls by case id; `mark` is before the
    name of every model, `model` too."""

    requests: Mapping[str, Json]
    mark: str = ""

    async def run(self, case: Case, asking: Asking, turn: Turn) -> Case:
        request = dict(self.requests.get(case.id, {}))
        asked = request.pop("model", None)
        model = f"{self.mark}{asked}" if asked and self.as_recorded else self.model
        if self.as_recorded and not asked:
            raise TaskFailed("No model was recorded with this call.")
        try:
            messages = messages_of(_as_question(case) if self.messages is not None else case, self.messages)
        except Unfilled as error:
            raise TaskFailed(str(error)) from None
        answer = await asking(messages, model=model, **{**request, **self.params})
        text, steps = answer_of(answer.data)
        context = case.context if turn.context is None else turn.context
        return msgspec.structs.replace(case, output=text, steps=steps, context=context)

    @property
    def as_recorded(self) -> bool:
        """Whether each call asks the model that it asked then."""
        return self.model == f"{self.mark}{RECORDED}"

    def asked(self) -> Counter[str]:
        """How often each model is asked, with the mark; once where it is the same for all."""
        if not self.as_recorded:
            return Counter([self.model])
        return Counter(f"{self.mark}{one['model']}" for one in self.requests.values() if one.get("model"))


def beside_rooms(serving: Rooms, beside: Rooms, config_hash: str) -> Rooms:
    """Rooms in which models with the mark are asked beside, all others of the gateway that serves. What a corpus
    answers depends on much of a configuration: its answers are kept for `config_hash` alone."""

    async def chat(request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        marked = request.model.startswith(BESIDE)
        to = beside.chat if marked else serving.chat
        async for chunk in to(request.edited(model=request.model.removeprefix(BESIDE)) if marked else request, call):
            yield chunk

    async def fingerprint(model: str) -> str:
        if not model.startswith(BESIDE):
            return await serving.fingerprint(model)
        name = model.removeprefix(BESIDE)
        found = await beside.fingerprint(name)
        return content_hash([found, config_hash]) if name.startswith("rag:") else found

    async def price(model: str, read: int, wrote: int) -> int | None:
        of = beside if model.startswith(BESIDE) else serving
        return await of.price(model.removeprefix(BESIDE), read, wrote)

    return replace(serving, chat=chat, fingerprint=fingerprint, price=price)


def priced_as_recorded(rooms: Rooms, subject: SideSubject) -> Rooms:
    """Rooms in which a call of a subject that asks as recorded costs the mean over the models that it asks."""

    async def price(model: str, read: int, wrote: int) -> int | None:
        if model != subject.model:
            return await rooms.price(model, read, wrote)
        counts, total = subject.asked(), 0
        for name, count in counts.items():
            nano = await rooms.price(name, read, wrote)
            if nano is None:
                return None
            total += nano * count
        return round(total / max(1, counts.total()))

    return replace(rooms, price=price)


def _as_question(case: Case) -> Case:
    """With the last message of the user as its input, where that is a chat."""
    messages = case.input.get("messages") if isinstance(case.input, dict) else None
    if not isinstance(messages, list):
        return case
    asked = (text_of(one.get("content")) for one in reversed(messages) if one.get("role") == "user")
    return msgspec.structs.replace(case, input=next(asked, ""))
