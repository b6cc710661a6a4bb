"""The guards at one call: which policies hold for it, what guards may ask, and what is told of what they found.

What was found is told on the call's span, and by a span of its own for each guard that found something or could not
look. Knows nothing of what guards there are.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from pilothouse.call import Call, Span
from pilothouse.guarding import STAGES, Stage
from pilothouse.guards.judging import Judged, Judgement, judge
from pilothouse.guards.policy import Placed, Policy
from pilothouse.observe.prompt_calls import GUARDED
from pilothouse.protocols import Chat, Conversation, Encode, Models, Subject
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.gateway.visit import Visit

__all__ = ["Watch", "guards_models", "watch_of"]

_INSIDE: tuple[Stage, ...] = ("tool", "retrieval")
"""What is looked at in calls inside of another, too."""


def watch_of(visit: "Visit", chat: Chat, models: Callable[[Call], Models]) -> "Watch | None":
    """The guards at a call: of the default, of its key, of the alias that it asks for and of its prompt. None where
    there are none. Raises ConfigError where one of them is not there."""
    call, runtime = visit.call, visit.runtime
    if not call.guarded:
        return None
    model = runtime.snapshot.config.models.get(visit.request.model)
    named = () if model is None else model.guards
    policy = runtime.guards.of(call.principal.policy.guards, named, visit.policies)
    return None if policy.is_empty else Watch(policy, call, visit.span, chat, models(call), visit.meter.input_tokens)


def guards_models(chat: Chat, encode: Encode, call: Call) -> Models:
    """What the guards of a call may ask; their questions are looked at by no guard."""

    def inner() -> Call:
        return replace(call, depth=call.depth + 1, guarded=False, in_experiments=False)

    return Models(make_call=inner, chat=chat, encode=encode)


class Watch:
    """`chat` is the gateway, for what guards and corrections ask; `count_input` estimates the tokens of the request.
    `conversation` is what the texts of the call have in common, once they are known, `schema` the form that the caller
    asked an answer to have."""

    def __init__(
        self, policy: Policy, call: Call, span: Span, chat: Chat, models: Models, count_input: Callable[[], int]
    ) -> None:  # fmt: skip
        self._policy, self.call, self.span, self.chat, self.count_input = policy, call, span, chat, count_input
        self._stages = STAGES if call.depth == 0 else _INSIDE
        self.conversation = Conversation(models=models)
        self.schema: Json | None = None
        call.versions["guards"] = policy.version

    def at(self, stage: Stage) -> Sequence[Placed]:
        """The guards that look at this stage."""
        return self._policy.at(stage) if stage in self._stages else ()

    @property
    def looks_at_answers(self) -> bool:
        return bool(self.at("output") or self.at("tool"))

    async def judged(self, placed: Sequence[Placed], text: str, stage: Stage, role: str) -> Judgement:
        """What these guards say of a text; it is told."""
        judgement = await judge(placed, Subject(text, stage, role, self.conversation))
        self.note(judgement.judged)
        return judgement

    async def ask(self, request: ChatRequest) -> str:
        """A model's answer to a question of the guards' own, charged to this call."""
        answer = ""
        async with aclosing(self.chat(request, self.own_call())) as chunks:
            async for chunk in chunks:
                answer += chunk.text
        return answer

    def own_call(self) -> Call:
        """For what is asked on behalf of the guards: no guard looks at it, and no experiment chooses for it."""
        call = self.call.child(self.span)
        call.guarded = call.in_experiments = False
        return call

    def note(self, judged: Sequence[Judged]) -> None:
        """Tell on spans what triggered, and what could not look."""
        for one in judged:
            if one.result.status in ("triggered", "failed"):
                self._tell(one)

    def _tell(self, judged: Judged) -> None:
        result, placed = judged.result, judged.placed
        inner = self.call.child(self.span)
        span = inner.start(f"guard {result.guard}", "guard")
        span.start_us -= judged.took_us
        span.attributes |= {
            "guard": result.guard, "guard_status": result.status, "guard_stage": placed.stage,
            "guard_action": placed.action, "guard_policy": placed.policy, "guard_reason": result.reason,
        }  # fmt: skip
        if result.score is not None:
            span.attributes["guard_score"] = result.score
        if result.findings:
            span.attributes["guard_kinds"] = sorted({one.kind for one in result.findings})
        span.cost_nano = result.cost_nano or None
        inner.finish(span)
        about = self.span.attributes
        found = about.get("guards")
        done = "repair" if judged.repaired is not None else placed.action
        named = f"{result.guard}:{done if judged.acts else result.status}"
        about["guards"] = [*dict.fromkeys([*(found if isinstance(found, list) else ()), named])]
        if judged.acts and placed.action != "shadow":
            about[GUARDED] = True
