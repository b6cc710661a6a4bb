"""The guards at one call: which policies hold for it, what guards may ask, and what is told of what they found.

What was found is told on the call's span, and by a span of its own for each guard that found something or could not
look; what nobody looked at is named. Knows nothing of what guards there are.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from pilothouse.call import Call, Span
from pilothouse.gateway.guarding.encoding import CallEncode
from pilothouse.guarding import NOTING, STAGES, Stage
from pilothouse.guards.judging import Judged, Judgement, judge, merged
from pilothouse.guards.policy import Placed, Policy
from pilothouse.observe.facts import GUARDS_ON
from pilothouse.observe.prompt_calls import GUARDED
from pilothouse.pii.pseudonyms import Pseudonyms
from pilothouse.protocols import Chat, Conversation, Encode, Models, Nearest, Subject
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.gateway.runtime import Runtime

__all__ = ["ALERT", "ANSWERED", "HOLD", "RETRIES", "UNREAD", "Watch", "guards_models", "policy_of", "watch_of"]

ALERT = "guard_alert"
"""Attribute of a call's span: what somebody should hear of at once, such as `system prompt leaked`."""
ANSWERED = "guard_answered"
"""Attribute of a call's span: `refusal`, `fallback` or `cut` where the answer, or its end, is the guards' own."""
RETRIES, UNREAD, HOLD = "guard_retries", "guards_unread", "guard_hold"
"""... how often a model was asked again; the kinds of parts that no guard looked at; and how many characters of a
stream wait at most, `all` where nothing leaves before its end."""

_INSIDE: tuple[Stage, ...] = ("tool", "retrieval")
"""What is looked at in calls inside of another, too."""


def policy_of(runtime: "Runtime", call: Call, model: str, policies: Sequence[str] = ()) -> Policy:
    """What holds for a call: the policies of the default, of its key, of the alias that it asks for, of its prompt, and
    of the call that it is inside of. Raises ConfigError where one of them is not there."""
    asked = runtime.snapshot.config.models.get(model)
    named = () if asked is None else asked.guards
    return runtime.guards.of(call.principal.policy.guards, call.policies, named, policies)


def watch_of(
    runtime: "Runtime", call: Call, span: Span, request: ChatRequest, policies: Sequence[str], chat: Chat,
    models: Callable[[Call], Models], count_input: Callable[[], int],
) -> "Watch | None":  # fmt: skip
    """The guards at a call whose prompt names these `policies`; None where there are none. Raises ConfigError."""
    if not call.guarded:
        return None
    policy = policy_of(runtime, call, request.model, policies)
    if policy.is_empty:
        return None
    call.policies = policy.names
    return Watch(policy, call, span, chat, models(call), count_input)


def guards_models(chat: Chat, encode: Encode, attacks: Callable[[str], Nearest], call: Call) -> Models:
    """What the guards of a call may ask; their questions are looked at by no guard."""

    def inner() -> Call:
        return replace(call, depth=call.depth + 1, guarded=False, in_experiments=False)

    return Models(make_call=inner, chat=chat, encode=CallEncode(encode, call.vectors), attacks=attacks(call.project_id))


class Watch:
    """`chat` is the gateway, for what guards and corrections ask; `count_input` estimates the tokens of the request.
    `conversation` is what the texts of the call have in common, once they are known, `schema` the form that the caller
    asked an answer to have."""

    def __init__(
        self, policy: Policy, call: Call, span: Span, chat: Chat, models: Models, count_input: Callable[[], int]
    ) -> None:  # fmt: skip
        self._policy, self.call, self.span, self.chat, self.count_input = policy, call, span, chat, count_input
        self._stages = STAGES if call.depth == 0 else _INSIDE
        self._looked = dict[str, None]()
        self.version = policy.version
        self._gives_names = call.pseudonyms is None
        names = call.pseudonyms = Pseudonyms() if call.pseudonyms is None else call.pseudonyms
        self.conversation = Conversation(models=models, passages=call.passages, pseudonyms=names)
        self.schema: Json | None = None
        call.versions.setdefault("guards", policy.version)

    def at(self, stage: Stage) -> Sequence[Placed]:
        """The guards that look at this stage."""
        return self._policy.at(stage) if stage in self._stages else ()

    @property
    def pseudonyms(self) -> Pseudonyms | None:
        """The stand-ins that this call is to turn back: None where there are none, or a call around it does."""
        return (self.conversation.pseudonyms or None) if self._gives_names else None

    def forget(self) -> None:
        """The call is over: a later one by the same Call has stand-ins of its own."""
        if self._gives_names:
            self.call.pseudonyms = None

    @property
    def has_blocked(self) -> bool:
        """Whether a guard that was to block found something."""
        found = self.span.attributes.get("guards")
        return any(one.endswith(":block") for one in (found if isinstance(found, list) else ()))

    @property
    def looks_at_answers(self) -> bool:
        return bool(self.at("output") or self.at("tool"))

    @property
    def changes_answers(self) -> bool:
        """Whether anything is done on the word of those who look at answers, beyond taking note."""
        return any(one.action not in NOTING for one in (*self.at("output"), *self.at("tool")))

    async def judged(self, placed: Sequence[Placed], text: str, stage: Stage, role: str) -> Judgement:
        """What these guards say of a text."""
        return await judge(placed, Subject(text, stage, role, self.conversation))

    async def ask(self, request: ChatRequest) -> str:
        """A model's answer to a question of the guards' own, charged to this call."""
        answer = ""
        call = self.own_call()
        call.guarded = False
        async with aclosing(self.chat(request, call)) as chunks:
            async for chunk in chunks:
                answer += chunk.text
        return answer

    def own_call(self) -> Call:
        """For what is asked on behalf of the guards: no experiment chooses for it, and guards look no more than at any
        call inside of another."""
        call = self.call.child(self.span)
        call.in_experiments = False
        return call

    def note(self, judged: Iterable[Judged]) -> None:
        """Tell on spans who looked; what triggered, could not look or cost something by one span for each guard."""
        told = [*judged]
        self._looked |= dict.fromkeys(one.placed.named for one in told if one.result.status != "skipped")
        if self._looked:
            self.span.attributes[GUARDS_ON] = [*self._looked]
        for one in merged(one for one in told if _is_told(one)):
            self._tell(one)

    def unread(self, kinds: Iterable[str]) -> None:
        """Tell what nobody looked at."""
        about = self.span.attributes
        before = about.get(UNREAD)
        if found := [*dict.fromkeys([*(before if isinstance(before, list) else ()), *kinds])]:
            about[UNREAD] = found

    def answers(self, how: str) -> None:
        """Tell that the answer, or its end, is the guards' own."""
        self.span.attributes[ANSWERED] = how
        self.span.attributes[GUARDED] = True

    def _tell(self, judged: Judged) -> None:
        result, placed = judged.result, judged.placed
        did = ("repair" if judged.repaired is not None else placed.action) if judged.acts else result.status
        inner = self.call.child(self.span)
        span = inner.start(f"guard {result.guard}", "guard")
        span.start_us -= judged.took_us
        span.attributes |= {
            "guard": result.guard, "guard_status": result.status, "guard_stage": placed.stage,
            "guard_action": placed.action, "guard_policy": placed.policy, "guard_reason": result.reason,
            "verdict": did, "guard_version": placed.version,
        }  # fmt: skip
        if result.score is not None:
            span.attributes["guard_score"] = result.score
        if result.findings:
            span.attributes["guard_kinds"] = sorted({one.kind for one in result.findings})
            span.attributes["guard_findings"] = len(result.findings)
        span.cost_nano, span.cost_known = result.cost_nano or None, result.cost_nano is not None
        inner.finish(span)
        if result.status == "passed":
            return
        about = self.span.attributes
        found = about.get("guards")
        named = f"{result.guard}:{did}"
        about["guards"] = [*dict.fromkeys([*(found if isinstance(found, list) else ()), named])]
        if judged.acts and placed.action != "shadow":
            about[GUARDED] = True
        if result.status == "triggered" and (alert := result.detail.get("alert")):
            about[ALERT] = alert


def _is_told(judged: Judged) -> bool:
    return judged.result.status in ("triggered", "failed") or judged.result.cost_nano != 0
