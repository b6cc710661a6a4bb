"""`/api/public/v2/prompts`: what the Langfuse SDK does with prompts, over our registry.

https://api.reference.langfuse.com. Names with slashes come as they are or with %2F; both are one path here.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from pilothouse.access import Actor
from pilothouse.api.caller import Caller
from pilothouse.api.langfuse.prompt_shapes import GivenLabels, GivenPrompt, meta_to_json, prompt_to_json
from pilothouse.api.langfuse.shapes import pages
from pilothouse.errors import Conflict, InvalidRequest, PromotionRefused
from pilothouse.prompts.registry import Prompts, checked_tags
from pilothouse.prompts.versions import LATEST, Pending, Prompt, Reference, Version
from pilothouse.types import Json

__all__ = ["routes"]

_MOST_LISTED = 10_000
_Page = Annotated[int, Query(ge=1, le=1_000_000)]
_Limit = Annotated[int, Query(ge=1, le=100)]
_Text = Annotated[str | None, Query(max_length=512)]
_Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
_Moment = Annotated[datetime | None, Query()]


def routes(prompts: Prompts) -> APIRouter:
    """The routes over the registry."""
    router = APIRouter(prefix="/api/public/v2/prompts", tags=["langfuse"])

    @router.post("")
    def create_prompt(body: GivenPrompt, caller: Caller) -> Json:
        """The next version of a prompt, with these labels; they leave the versions that had them."""
        project, by = caller.project_id, Actor.of(caller)
        labels = [label for label in body.labels or () if label != LATEST]
        tags = None if body.tags is None else checked_tags(body.tags)
        made = prompts.create(project, body.name, body.content, by=by, message=body.commit_message or "", labels=labels)
        if tags is not None:
            prompts.describe(project, body.name, by=by, tags=tags)
        return _told(prompts, made, resolve=True)

    _add_list(router, prompts)

    @router.patch("/{name:path}/versions/{number}")
    def update_prompt(name: str, number: int, body: GivenLabels, caller: Caller) -> Json:
        """Give a version labels beside those that it has: all of them, or none where one is refused."""
        project = caller.project_id
        found = prompts.get(project, name, version=number)
        labels = [label for label in dict.fromkeys(body.new_labels) if label not in found.labels]
        if LATEST in labels:
            raise InvalidRequest("'latest' is the newest version by itself: it cannot be moved.", param="newLabels")
        _demand(prompts, found, labels)
        for label in labels:
            done = prompts.promote(project, name, number, label, by=Actor.of(caller), reason="by a Langfuse client")
            if isinstance(done, Pending):
                told = (
                    f"Another person must agree that version {number} of '{name}' becomes '{label}': {done.id} waits."
                )
                raise Conflict(told, param="newLabels")
        return _told(prompts, prompts.get(project, name, version=number), resolve=True)

    @router.get("/{name:path}")
    def get_prompt(
        name: str, caller: Caller, version: _Number = None, label: _Text = None, resolve: bool = True
    ) -> Json:  # fmt: skip
        """One version, by its number or a label (`production` unless given), with what it includes in its text."""
        return _told(prompts, prompts.get(caller.project_id, name, version=version, label=label), resolve=resolve)

    @router.delete("/{name:path}", status_code=204)
    def delete_prompt(name: str, caller: Caller, version: _Number = None, label: _Text = None) -> Response:
        """Archive a prompt, or take a `label` away. A version stays for ever, and a prompt while labels point to it."""
        project, by = caller.project_id, Actor.of(caller)
        if version is not None:
            prompts.get(project, name, version=version)
            raise Conflict("A version never goes: archive the prompt, or take its labels away.", param="version")
        if label is not None:
            prompts.unlabel(project, name, label, by=by, reason="by a Langfuse client")
        else:
            prompts.archive(project, name, by=by)
        return Response(status_code=204)

    return router


def _add_list(router: APIRouter, prompts: Prompts) -> None:
    @router.get("")
    def list_prompts(
        caller: Caller,
        name: _Text = None,
        label: _Text = None,
        tag: _Text = None,
        page: _Page = 1,
        limit: _Limit = 50,
        since: Annotated[_Moment, Query(alias="fromUpdatedAt")] = None,
        until: Annotated[_Moment, Query(alias="toUpdatedAt")] = None,
        filter_: Annotated[str | None, Query(alias="filter")] = None,
    ) -> Json:
        """Prompts by name, with the numbers of their versions (the newest 500)."""
        if filter_ is not None:
            raise InvalidRequest("`filter` is not supported: there are name, label, tag and the times.", param="filter")
        found = [one for one in _all(prompts, caller.project_id, name, label, tag) if _within(one, since, until)]
        shown = [_meta(prompts, one) for one in found[(page - 1) * limit : page * limit]]
        return pages(shown, page, limit, len(found))


def _told(prompts: Prompts, version: Version, *, resolve: bool) -> Json:
    project = version.project_id

    def find(reference: Reference) -> Version:
        return prompts.get(project, reference.name, version=reference.version, label=reference.label)

    return prompt_to_json(version, prompts.prompt(project, version.name), find if resolve else None)


def _demand(prompts: Prompts, version: Version, labels: list[str]) -> None:
    """Raises PromotionRefused, which names the labels that it may not have, before any label moves."""
    project, name, number = version.project_id, version.name, version.number
    pointed = prompts.prompt(project, name).labels
    checked = {label: prompts.guard.check(project, name, number, label, pointed.get(label)) for label in labels}
    if refused := {label: reasons for label, reasons in checked.items() if reasons}:
        shown = ", ".join(f"'{label}'" for label in refused)
        reasons = [reason for some in refused.values() for reason in some]
        raise PromotionRefused(f"Version {number} of '{name}' may not become {shown}.", reasons)


def _all(prompts: Prompts, project: str, name: str | None, label: str | None, tag: str | None) -> list[Prompt]:
    found, after = list[Prompt](), None
    while len(found) < _MOST_LISTED:
        page = prompts.list(project, search=name or "", label=label, tag=tag, after=after, limit=500)
        found += [one for one in page.prompts if name in (None, one.name)]
        after = page.next
        if after is None:
            break
    return found


def _within(prompt: Prompt, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or prompt.updated_us >= _us(since)) and (until is None or prompt.updated_us < _us(until))


def _us(moment: datetime) -> int:
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)


def _meta(prompts: Prompts, prompt: Prompt) -> Json:
    versions = prompts.versions(prompt.project_id, prompt.name, limit=500)
    newest = prompts.get(prompt.project_id, prompt.name, version=prompt.newest)
    return meta_to_json(prompt, [*versions], newest)
