"""Before a call is routed: the prompt that it names is put into its request, and experiments choose an arm for it.

Whoever may use `prompt:NAME`, or else the model that the prompt names, may ask with it. What was resolved stands on the
span, in the manifest and in the answer's headers; calls that evaluation makes are in no experiment, and are not marked
as traffic of the prompt. Knows nothing of how prompts are kept.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pilothouse.access.policy import allows, allows_model, check_model, check_named, models_in
from pilothouse.call import Call, Span
from pilothouse.errors import Forbidden, InvalidRequest, NotFound, StorageError, Unsupported
from pilothouse.gateway.dialects.prompted import Asked, asked_of, filled
from pilothouse.gateway.guarding.watch import ANSWERED
from pilothouse.gateway.meter import Meter
from pilothouse.gateway.visit import Visit
from pilothouse.observe.names import RESPONSE_FINISH_REASONS
from pilothouse.observe.prompt_calls import ARM, EXPERIMENT, LABEL, REFERENCE, REFUSED, UNIT, is_marked
from pilothouse.prompts.book import Book, Page
from pilothouse.prompts.experiments.assign import Assigned, assign
from pilothouse.prompts.experiments.shape import Arm, Experiment
from pilothouse.prompts.versions import PRODUCTION, Reference
from pilothouse.refusals import refuses
from pilothouse.types import MADE_FROM, PROMPT_MODEL, ChatRequest, Json, names_prompt

__all__ = ["NO_PROMPTS", "Prompting", "note_refusal", "recorded"]

_EVALUATION = ("evals", "/console/prompts")
_ASKED_BY_EVALUATION = "eval_"  # how the ids of its requests begin
_LARGE = 20_000  # characters of variables: what takes longer to render does so in a thread
_AS_THEY_ARE = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")  # in a header
_SHOWN = 10  # of the prompts there are, where one is not
_LISTED = 200  # among the models


class Prompting:
    """By a Book; without one there are no prompts."""

    def __init__(self, book: Book | None = None) -> None:
        self._book = book

    def is_idle(self, request: ChatRequest, call: Call) -> bool:
        """Whether nothing is to be done for a call: it names no prompt, and no experiment is about models."""
        return not names_prompt(request.body) and (self._book is None or self._book.is_quiet(call.project_id))

    async def resolve(self, visit: Visit, request: ChatRequest) -> None:
        """Give the visit the request to answer. Raises NotFound, InvalidRequest, Forbidden, StorageError."""
        call, span, given, arm = visit.call, visit.span, request, None
        if names_prompt(request.body):
            asked = asked_of(request)
            visit.made_from = _told(asked, None)
            if not _is_evaluation(call):
                span.attributes[REFERENCE] = str(asked.reference)
            arm, running = await self._arm_of(asked, call)
            page = await self._page(asked, arm, call)
            visit.made_from = _told(asked, page)
            _note(page, asked, call, span)
            model = asked.model or (arm.model if arm else None)
            if arm is not None:
                _note_arm(arm, running, call, span)
            request = await _made(request, asked, page, model)
            visit.policies = page.version.content.policies
            _check_rights(call, asked, given, request)
            span.request_model, span.name = request.model, f"{span.operation} {request.model}"
        elif call.depth == 0:
            check_model(call.principal, request.model, request.body)
        if arm is None and self._book is not None and _takes_part(call):
            running = [one for one in await self._book.on_models(call.project_id) if _may_get_each(one, call)]
            arm = assign(running, f"model:{request.model}", _units(call)) if running else None
            if arm is not None:
                _note_arm(arm, running, call, span)
                request = request if arm.model is None else request.edited(model=arm.model)
        visit.take(request)

    async def preview(
        self, request: ChatRequest, call: Call, *, counting: bool = False
    ) -> tuple[ChatRequest, Sequence[str]]:  # fmt: skip
        """What would be asked, outside of experiments, and the guard policies that its prompt names; nothing is noted.
        Raises what `resolve` raises."""
        if not names_prompt(request.body):
            check_model(call.principal, request.model, request.body)
            return request, ()
        asked = asked_of(request)
        page = await self._page(asked, None, call)
        made = await _made(request, asked, page, asked.model, counting=counting)
        _check_rights(call, asked, request, made)
        return made, page.version.content.policies

    async def offered(self, project: str) -> list[tuple[str, str]]:
        """(model name, owner) of the first prompts of a project that are in production."""
        names = [] if self._book is None else await self._book.names(project, _LISTED, PRODUCTION)
        return [(PROMPT_MODEL + name, "pilothouse") for name in names]

    async def _arm_of(self, asked: Asked, call: Call) -> tuple[Assigned | None, Sequence[Experiment]]:
        if self._book is None or asked.reference.version is not None or not _takes_part(call):
            return None, ()
        about = f"prompt:{asked.reference}"
        running = [one for one in await self._book.running(call.project_id) if one.about == about]
        running = [one for one in running if await self._takes(one, asked, call)]
        return assign(running, about, _units(call)), running

    async def _takes(self, experiment: Experiment, asked: Asked, call: Call) -> bool:
        """Whether a call can be in each arm, and not in some alone: these would then differ by who is in them."""
        arms = _arms(experiment)
        if asked.model is not None:
            return all(arm.model is None for arm in arms)
        name, models = asked.reference.name, call.principal.policy.models
        if self._book is None or not models or call.depth or allows(models, PROMPT_MODEL + name):
            return True
        for arm in arms:
            reference = Reference(name, version=experiment.versions[arm.name])
            try:
                content = (await self._book.page(call.project_id, reference)).version.content
            except StorageError:  # the label's version may be known all the same
                return False
            named = {**content.params, "model": arm.model or content.model}
            if not all(allows(models, one) for _, one in models_in(named)):
                return False
        return True

    async def _page(self, asked: Asked, arm: Assigned | None, call: Call) -> Page:
        if self._book is None:
            raise InvalidRequest("There are no prompts here.", param=asked.param)
        wanted = asked.reference
        if arm is not None and arm.version is not None:
            wanted = Reference(wanted.name, version=arm.version)
        try:
            return await self._book.page(call.project_id, wanted)
        except NotFound as error:
            param = asked.param if asked.param == "model" else f"prompt.{error.param or 'name'}"
            raise NotFound(error.message + await self._near(error, call), param=param) from None

    async def _near(self, error: NotFound, call: Call) -> str:
        """What prompts there are, as far as the caller may use them."""
        if error.param != "name" or self._book is None:
            return ""
        names = await self._book.names(call.project_id, _SHOWN + 1)
        names = [name for name in names if allows_model(call.principal, PROMPT_MODEL + name)]
        more = " and others" if len(names) > _SHOWN else ""
        return f" There are: {', '.join(names[:_SHOWN])}{more}." if names else ""


NO_PROMPTS = Prompting()


def recorded(visit: Visit) -> Json:
    """What is kept of the request: as it was made, and under a key of its own of what. Nobody resolves it again."""
    body = visit.request.body
    if visit.made_from is None:
        return body
    made_from = visit.made_from if visit.watch is None else visit.watch.conversation.pseudonyms.hidden(visit.made_from)
    return {**{name: value for name, value in body.items() if name != "prompt"}, MADE_FROM: made_from}


def note_refusal(span: Span, meter: Meter) -> None:
    """Say on the span of a prompt or an experiment that the answer refuses: by its first words, or by the provider's
    own word for it. What guards answer in a model's place is no model's refusal."""
    if not is_marked(span) or ANSWERED in span.attributes:
        return
    finish = span.attributes.get(RESPONSE_FINISH_REASONS)
    if finish == ["content_filter"] or span.error_code == "content_filter" or meter.refuses or refuses(meter.beginning):
        span.attributes[REFUSED] = True


async def _made(
    request: ChatRequest, asked: Asked, page: Page, model: str | None, *, counting: bool = False
) -> ChatRequest:  # fmt: skip
    version = page.version
    model = model or version.content.model
    if model is None:
        raise InvalidRequest(f"The prompt '{version.reference}' names no model: send 'model'.", param="model")
    if model.startswith(PROMPT_MODEL):
        raise InvalidRequest(f"The model of the prompt '{version.reference}' is a prompt itself.", param="model")
    render = page.prepared.render
    if _size(asked.variables) > _LARGE:
        rendered = await asyncio.to_thread(render, asked.variables)
    else:
        rendered = render(asked.variables)
    try:
        return filled(request, version.content, rendered.as_messages, model, counting=counting)
    except InvalidRequest as error:
        kind = Unsupported if isinstance(error, Unsupported) else InvalidRequest
        raise kind(f"With the prompt '{version.reference}': {error.message}", param=error.param) from None


def _check_rights(call: Call, asked: Asked, given: ChatRequest, made: ChatRequest) -> None:
    """What the caller names must be allowed by itself; what the prompt names, where the prompt is not."""
    models, name = call.principal.policy.models, PROMPT_MODEL + asked.reference.name
    if not models or call.depth:
        return
    if others := {field: one for field, one in given.body.items() if asked.param != "model" or field != "model"}:
        check_named(call.principal, others)
    if allows(models, name):
        return
    for _, one in models_in(made.body):
        if not allows(models, one):
            why = f"This key may use neither '{name}' nor '{one}', which it asks. It may use: {', '.join(models)}."
            raise Forbidden(why, param=asked.param)


def _takes_part(call: Call) -> bool:
    return call.in_experiments and not _is_evaluation(call)


def _may_get_each(experiment: Experiment, call: Call) -> bool:
    """Whether the caller may use the models of all arms."""
    return call.depth > 0 or all(
        arm.model is None or allows_model(call.principal, arm.model) for arm in _arms(experiment)
    )


def _arms(experiment: Experiment) -> Sequence[Arm]:
    """Those that calls may get: of one that is decided the winner."""
    if experiment.status != "decided" or experiment.outcome is None:
        return experiment.arms
    return [experiment.arm(experiment.outcome.arm)]


def _is_evaluation(call: Call) -> bool:
    return call.request_id.startswith(_ASKED_BY_EVALUATION) or (call.endpoint or "").startswith(_EVALUATION)


def _units(call: Call) -> Mapping[str, str | None]:
    return {"user": call.user_id, "session": call.session_id, "key": call.key_id}


def _note(page: Page, asked: Asked, call: Call, span: Span) -> None:
    reference, included = page.version.reference, page.prepared.included.labels
    call.versions["prompt"] = span.prompt = reference
    if included:
        call.versions["prompt_parts"] = ", ".join(included)
    call.headers.append(("x-pilothouse-prompt", quote(reference, safe=_AS_THEY_ARE)))
    if asked.reference.version is None:
        span.attributes[LABEL] = asked.reference.wanted


def _note_arm(arm: Assigned, running: Sequence[Experiment], call: Call, span: Span) -> None:
    if not arm.counted:
        return
    span.attributes[EXPERIMENT], span.attributes[ARM] = arm.experiment_id, arm.arm
    span.attributes[UNIT] = next(one.unit for one in running if one.id == arm.experiment_id)
    call.headers.append(("x-pilothouse-experiment", f"{arm.experiment_id}/{arm.arm}"))


def _told(asked: Asked, page: Page | None) -> Json:
    """For the record: the prompt, which version a label meant, and the variables."""
    reference = asked.reference
    told: Json = {"name": reference.name, "version": page.version.number if page is not None else reference.version}
    told |= {"label": reference.wanted} if reference.version is None else {}
    return {**told, "variables": asked.variables}


def _size(value: Any) -> int:
    """About how many characters, without writing it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values()) + 8 * len(value)
    return sum(map(_size, value)) + 8 * len(value) if isinstance(value, list) else 8
