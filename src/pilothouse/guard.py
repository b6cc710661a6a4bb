"""`Guard`: answers in a form, and texts that are looked at, in a program: by itself, or over a server.

from pilothouse import Guard

guard = Guard.from_pydantic(Person)
outcome = guard(llm_api=ask, prompt="Who wrote this?", num_reasks=2)
print(outcome.validated_output.name)
"""

import importlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from pilothouse.background import run
from pilothouse.errors import Blocked, InvalidRequest
from pilothouse.guarding import ACTIONS, Action, GuardPolicy, Stage
from pilothouse.guards.form.asking import Asking
from pilothouse.guards.form.growing import NOTHING
from pilothouse.guards.form.json_schema import read_aside
from pilothouse.guards.form.partial import Partials
from pilothouse.guards.form.problems import Form, result_of
from pilothouse.guards.form.pydantic_model import PydanticForm
from pilothouse.guards.form.schema import SchemaForm, opener_of
from pilothouse.guards.looking import Local, Looking, Remote
from pilothouse.guards.outcome import GuardOutcome, GuardStream, Reask
from pilothouse.guards.policy import Placed
from pilothouse.guards.registry import Guards
from pilothouse.protocols import Conversation
from pilothouse.providers.schema import is_strict
from pilothouse.types import Json, text_of

__all__ = ["Guard"]

T = TypeVar("T")
R = TypeVar("R")
_NOTING = (None, "flag", "shadow")
_IN_WORDS = "Answer with JSON alone, nothing before or after it, that keeps to this JSON Schema:\n"


class _Use:
    """`Guard.use(...)` begins a new guard, `guard.use(...)` adds to one."""

    def __get__(self, instance: "Guard[Any] | None", owner: type["Guard[Any]"]) -> Any:
        return (owner() if instance is None else instance)._use


class Guard(Generic[T]):
    """What an answer is to look like, and what looks at what is asked and answered. Made by `from_pydantic`,
    `from_schema`, `from_policy` or `use`; never changed: `use` gives another one.

    Called, it asks for an answer, and asks again with the exact errors where it will not do. `platform` is a Client or
    an Embedded; where it is None and no `llm_api` is given, PILOTHOUSE_URL names a server, and without it the platform
    of PILOTHOUSE_HOME runs in this process until `close`.
    """

    def __init__(self, form: Form | None = None, looking: Looking | None = None, platform: Any = None) -> None:
        self._form = form
        self._looking = looking or Local()
        self._platform = platform
        self._owned: Any = None

    @classmethod
    def from_pydantic(cls, model: type[R], *, keep_cut: bool = False, platform: Any = None) -> "Guard[R]":
        """Answers are JSON of this model (or of a type such as `list[Person]`), and come as its objects. One that was
        cut off within a value is asked for again; with `keep_cut` what there is of it is taken, where it is valid."""
        return Guard[R](PydanticForm(model, keep_cut=keep_cut), platform=platform)

    @classmethod
    def from_schema(cls, schema: Json, *, keep_cut: bool = False, platform: Any = None) -> "Guard[Any]":
        """Answers are JSON of this schema. Raises InvalidRequest for what is none."""
        try:
            return Guard[Any](SchemaForm(schema, keep_cut=keep_cut), platform=platform)
        except ValueError as error:
            raise InvalidRequest(f"The schema {error}.", param="schema") from None

    @classmethod
    def from_policy(cls, policy: "str | Mapping[str, Any] | GuardPolicy", *, platform: Any = None) -> "Guard[str]":
        """A policy as the configuration writes it (`{"input": ["pii"], "output": [...]}`), which looks here; or the
        name of one of the platform's, which looks there. Raises ConfigError for one that cannot be."""
        if isinstance(policy, str):
            guard = Guard[str](platform=platform)
            guard._looking = Remote(policy, guard._client)
            return guard
        return Guard[str](looking=Local.of(policy), platform=platform)

    use = _Use()
    """`use("pii", action="redact", stage="output", **options)`: a guard by its name, with its options, or one of its
    own; at the output where it has something to say there, else at the input."""

    def _use(
        self, guard: Any, *, stage: Stage | None = None, action: Action | None = None, **options: Any
    ) -> "Guard[T]":  # fmt: skip
        if not isinstance(self._looking, Local):
            raise InvalidRequest("A policy of a server is changed there; use() adds to guards of this program.")
        made = Guards().from_config(guard, options) if isinstance(guard, str) else guard
        where: Stage = stage or ("output" if "output" in made.stages else "input")
        if where not in made.stages:
            raise InvalidRequest(f"'{made.name}' has nothing to say at the stage {where}.", param="stage")
        done = action or (made.action if made.action in ACTIONS[where] else "block")
        if done not in ACTIONS[where] or done == "rephrase":
            raise InvalidRequest(f"'{done}' is not done at the stage {where}.", param="action")
        placed = Placed(made, where, done, "allow", "guard", GuardPolicy())
        return Guard[T](self._form, self._looking.with_(placed), self._platform)

    # ---- asking

    def __call__(
        self, messages: str | Sequence[Json] | None = None, *, prompt: str | None = None, llm_api: Any = None,
        model: str | None = None, num_reasks: int = 1, **params: Any,
    ) -> GuardOutcome[T]:  # fmt: skip
        """Ask for an answer, and at most `num_reasks` times again. `llm_api` is a function that answers, sync or async,
        of one's own or of an SDK, or a client; `params` are further fields of the request. What lives in an event loop,
        as an AsyncClient, belongs into `call_async`. Raises what asking raises;
        an answer that will not do is an outcome."""
        asked = self.call_async(
            messages, prompt=prompt, llm_api=llm_api, model=model, num_reasks=num_reasks, **params
        )  # fmt: skip
        return run(asked)

    async def call_async(
        self, messages: str | Sequence[Json] | None = None, *, prompt: str | None = None, llm_api: Any = None,
        model: str | None = None, num_reasks: int = 1, **params: Any,
    ) -> GuardOutcome[T]:  # fmt: skip
        """The same in the running event loop."""
        asking = self._asking(llm_api, model, params)
        conversation, refused = await self._admitted(_messages(messages, prompt))
        if refused is not None:
            return refused
        asked, reasks = conversation, list[Reask]()
        while True:
            raw = await asking.whole(asked.messages)
            outcome, again = await self._judged(raw, conversation)
            if outcome.passed or again is None or len(reasks) >= num_reasks:
                return replace(outcome, reasks=tuple(reasks))
            reasks.append(again)
            asked = _corrected(conversation, again)

    def stream(
        self, messages: str | Sequence[Json] | None = None, *, prompt: str | None = None, llm_api: Any = None,
        model: str | None = None, num_reasks: int = 0, **params: Any,
    ) -> "GuardStream[T]":  # fmt: skip
        """`async for partial in guard.stream(...)`: what there is of the answer while it comes, each a part of the
        model whose fields are None until they are there; the last one is validated. Where the answer will not do it is
        asked for again, and the parts begin anew; at last Blocked is raised, which says why. Guards look once it is
        whole."""
        made = GuardStream[T]()
        asking = self._asking(llm_api, model, params)
        made.begin(self._streamed(asking, _messages(messages, prompt), num_reasks, made))
        return made

    async def _streamed(
        self, asking: Asking, messages: Sequence[Json], num_reasks: int, stream: "GuardStream[T]"
    ) -> AsyncIterator[T]:  # fmt: skip
        conversation, refused = await self._admitted(messages)
        if refused is not None:
            raise self._failure(refused, stream)
        asked, reasks = conversation, list[Reask]()
        while True:
            partials, pieces = self._partials(), list[str]()
            async for piece in asking.pieces(asked.messages):
                pieces.append(piece)
                if partials is not None and (found := partials.feed(piece)) is not NOTHING:
                    yield found
            outcome, again = await self._judged("".join(pieces), conversation)
            outcome = stream.outcome = replace(outcome, reasks=tuple(reasks))
            if outcome.passed:
                yield outcome.validated_output  # type: ignore[misc]
                return
            if again is None or len(reasks) >= num_reasks:
                raise self._failure(outcome, stream)
            reasks.append(again)
            asked = _corrected(conversation, again)

    # ---- looking at texts that are there

    def parse(self, text: str) -> GuardOutcome[T]:
        """An answer that is already there: read, mended, looked at."""
        return run(self.parse_async(text))

    async def parse_async(self, text: str) -> GuardOutcome[T]:
        """The same in the running event loop."""
        outcome, _ = await self._judged(text, Conversation())
        return outcome

    def validate(self, text: str) -> GuardOutcome[T]:
        """The same, but nothing is mended: the text passes as it is, or not."""
        return run(self.validate_async(text))

    async def validate_async(self, text: str) -> GuardOutcome[T]:
        """The same in the running event loop."""
        outcome, _ = await self._judged(text, Conversation(), mend=False)
        return outcome

    async def check_async(self, text: str, stage: Stage = "input") -> Json:
        """What the guards of a stage say of a text, in the words of `/api/guards/check`."""
        return await self._looking.look(text, stage, Conversation(question=text if stage == "input" else ""))

    def check(self, text: str, stage: Stage = "input") -> Json:
        """The same where nothing is awaited."""
        return run(self.check_async(text, stage))

    # ---- ending

    def close(self) -> None:
        """Stop the platform in this process, where this guard started it."""
        if self._owned is not None:
            self._owned.close()
            self._owned = None

    def __enter__(self) -> "Guard[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- inside

    async def _admitted(self, messages: Sequence[Json]) -> tuple[Conversation, GuardOutcome[T] | None]:
        """The conversation to ask with, and the outcome where nobody is to be asked."""
        at = next((n for n in reversed(range(len(messages))) if messages[n].get("role") == "user"), None)
        question = "" if at is None else text_of(messages[at].get("content"))
        system = "\n\n".join(text_of(one.get("content")) for one in messages if one.get("role") == "system")
        conversation = Conversation(question=question, system=system, messages=messages)
        if at is None or not self._looking.looks_at("input"):
            return conversation, None
        told = await self._looking.look(question, "input", conversation)
        if told["action"] == "redact":
            changed = [*messages]
            changed[at] = {**messages[at], "content": told["text"]}
            return replace(conversation, question=told["text"], messages=changed), None
        if told["action"] in _NOTING:
            return conversation, None
        error = f"Nobody was asked: {_reasons(told)}"
        return conversation, GuardOutcome(None, None, False, error, results=tuple(told["results"]))

    async def _judged(
        self, raw: str, conversation: Conversation, *, mend: bool = True
    ) -> tuple[GuardOutcome[T], Reask | None]:  # fmt: skip
        """What came of an answer, and what to say where it may be asked for again."""
        text, outcome = raw, _passed(raw)
        if self._form is not None:
            formed = await read_aside(self._form, raw, mend=mend)
            if formed.problems:
                errors = tuple(str(one) for one in formed.problems)
                again = Reask(raw, errors, result_of("form", formed).correction)
                return GuardOutcome(None, raw, False, "; ".join(errors)), again
            text, outcome = formed.text, replace(outcome, validated_output=formed.value, mended=formed.mended)
        if not self._looking.looks_at("output"):
            return outcome, None
        told = await self._looking.look(text, "output", conversation)
        outcome = replace(outcome, results=tuple(told["results"]))
        if told["action"] in _NOTING:
            return outcome, None
        if told["action"] == "redact" and mend:
            return await self._redacted(told["text"], outcome), None
        reason = _reasons(told)
        retry = Reask(raw, (reason,), _corrections(told)) if told["action"] == "retry" else None
        return _failed(outcome, reason), retry

    async def _redacted(self, text: str, outcome: GuardOutcome[Any]) -> GuardOutcome[T]:
        """The outcome with this text in the place of what it had, which must still have the form."""
        if self._form is None:
            return replace(outcome, validated_output=text)
        formed = await read_aside(self._form, text, mend=False)
        if formed.problems:
            broken = "; ".join(map(str, formed.problems))
            return _failed(outcome, f"With what was found replaced it is not in its form: {broken}")
        return replace(outcome, validated_output=formed.value)

    def _asking(self, llm_api: Any, model: str | None, params: Mapping[str, Any]) -> Asking:
        schema = None if self._form is None else self._form.schema
        said = "" if schema is None else _IN_WORDS + json.dumps(schema, ensure_ascii=False)
        to = self._client() if llm_api is None else getattr(llm_api, "client", llm_api)
        to = llm_api if callable(llm_api) else to
        return Asking(to, model, params, None if schema is None else _response_format(schema), said)

    def _partials(self) -> Partials | None:
        if self._form is None or self._form.schema is None:
            return None
        kind = self._form.kind if isinstance(self._form, PydanticForm) else None
        return Partials(kind, opener_of(self._form.schema))

    def _client(self) -> Any:
        """The client of the platform."""
        platform = self._platform or self._owned
        if platform is None:
            sdk = importlib.import_module("pilothouse.sdk")  # the whole platform: only where it is needed
            platform = self._owned = sdk.platform_of()
        return getattr(platform, "client", platform)

    def _failure(self, outcome: GuardOutcome[T], stream: "GuardStream[T]") -> Blocked:
        stream.outcome = outcome
        return Blocked(f"The answer did not pass: {outcome.error}", guard="form", policy="guard")


def _messages(messages: str | Sequence[Json] | None, prompt: str | None) -> list[Json]:
    given = prompt if messages is None else messages
    if given is None or (messages is not None and prompt is not None):
        raise InvalidRequest("A guard is called with messages or with a prompt, one of both.", param="messages")
    return [{"role": "user", "content": given}] if isinstance(given, str) else [*given]


def _corrected(conversation: Conversation, reask: Reask) -> Conversation:
    """The conversation as it was, the last answer that would not do, and what to mend; earlier ones are left out."""
    say = f"Your last answer cannot be used. {reask.correction}\nAnswer again, in full, with nothing else."
    turns = [{"role": "assistant", "content": reask.output or "(no text)"}, {"role": "user", "content": say}]
    return replace(conversation, messages=[*conversation.messages, *turns])


def _response_format(schema: Json) -> Json:
    named = "".join(sign for sign in str(schema.get("title") or "answer") if sign.isalnum() and sign.isascii())[:60]
    about: Json = {"name": named or "answer", "schema": schema}
    if is_strict(schema):
        about["strict"] = True
    return {"type": "json_schema", "json_schema": about}


def _passed(text: str) -> GuardOutcome[Any]:
    return GuardOutcome(text, text, True)


def _failed(outcome: GuardOutcome[Any], error: str) -> GuardOutcome[Any]:
    return replace(outcome, validated_output=None, passed=False, error=error)


def _reasons(told: Json) -> str:
    return " ".join(one["reason"] for one in told["results"] if one["status"] in ("triggered", "failed"))


def _corrections(told: Json) -> str:
    wanted = [one["correction"] or one["reason"] for one in told["results"] if one["status"] == "triggered"]
    return " ".join(wanted)
