"""The registry of the home, as commands ask it."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pilothouse.cli.context import Context
from pilothouse.cli.options import me
from pilothouse.cli.prompts.registry import guarded, opened
from pilothouse.ids import now_us
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.observe.sums.period import Period
from pilothouse.prompts.content import content_of
from pilothouse.prompts.shown import change_json, head_json, prompt_json, version_json
from pilothouse.prompts.usage import usage_of
from pilothouse.prompts.versions import check_label
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.prompts.registry import Prompts

__all__ = ["Home"]


class Home:
    """A Desk. What is only looked at needs no configuration, and neither does a rollback; what a guard may refuse does.
    Opens each when it is first asked for."""

    def __init__(self, context: Context, project: str) -> None:
        self._context, self._project = context, project
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _prompts(self) -> "Prompts":
        return self._stack.enter_context(opened(self._context))

    @cached_property
    def _guarded(self) -> "Prompts":
        return self._stack.enter_context(guarded(self._context))

    @cached_property
    def _looking(self) -> "Platform":
        return self._stack.enter_context(self._context.looking())

    def list(self, **query: Any) -> Json:
        page = self._prompts.list(self._project, **query)
        return {"data": [prompt_json(one) for one in page.prompts], "next": page.next}

    def prompt(self, name: str) -> Json:
        moves = {label: change_json(move) for label, move in self._prompts.labels(self._project, name).items()}
        return {**prompt_json(self._prompts.prompt(self._project, name)), "moves": moves}

    def version(self, name: str, number: int) -> Json:
        return version_json(self._prompts.get(self._project, name, version=number))

    def labelled(self, name: str, label: str) -> Json:
        return version_json(self._prompts.get(self._project, name, label=label))

    def resolved(self, name: str, *, version: int | None = None, label: str | None = None) -> Json:
        found = self._prompts.get(self._project, name, version=version, label=label)
        parts = self._prompts.parts(self._project, found.content)
        return {**version_json(found), "includes": {name: version_json(part) for name, part in parts.items()}}

    def versions(self, name: str, *, limit: int, before: int | None) -> Sequence[Json]:
        return [head_json(one) for one in self._prompts.versions(self._project, name, limit=limit, before=before)]

    def create(self, *, name: str, content: Json, labels: Sequence[str], message: str, parent: int | None) -> Json:
        prompts = self._guarded if labels else self._prompts
        made = prompts.create(
            self._project, name, content_of(content), by=me(), labels=labels, message=message, parent=parent
        )
        return version_json(made)

    def describe(self, name: str, **changes: Any) -> Json:
        return prompt_json(self._prompts.describe(self._project, name, by=me(), **changes))

    def archive(self, name: str, *, archived: bool) -> Json:
        return prompt_json(self._prompts.archive(self._project, name, archived, by=me()))

    def promote(self, name: str, label: str, *, version: int, reason: str, force: bool, expected: int | None) -> Json:
        done = self._guarded.promote(
            self._project, name, version, label, by=me(), reason=reason, force=force, expected=expected
        )
        return change_json(done)

    def unlabel(self, name: str, label: str, *, reason: str) -> Json:
        return change_json(self._guarded.unlabel(self._project, name, label, by=me(), reason=reason))

    def rollback(self, name: str, *, label: str, reason: str, expected: int | None) -> Json:
        done = self._prompts.rollback(self._project, name, label, by=me(), reason=reason, expected=expected)
        return change_json(done)

    def history(self, name: str, **query: Any) -> Sequence[Json]:
        return [change_json(one) for one in self._prompts.history(self._project, name, **query)]

    def requests(self, *, prompt: str | None, status: str, limit: int, before: str | None) -> Sequence[Json]:
        wanted: Any = None if status == "all" else status
        found = self._prompts.pending(self._project, prompt, status=wanted, limit=limit, before=before)
        return [change_json(one) for one in found]

    def approve(self, request: str, *, note: str) -> Json:
        return change_json(self._guarded.approve(self._project, request, by=me(), note=note))

    def reject(self, request: str, *, note: str) -> Json:
        return change_json(self._prompts.reject(self._project, request, by=me(), note=note))

    def verdicts(self, name: str, *, version: int | None, limit: int) -> Sequence[Json]:
        found = self._looking.prompts.gate.list(self._project, name, version=version, limit=limit)
        return [one.to_json() for one in found]

    def watched(self, name: str) -> Sequence[Json]:
        rooms = self._looking.prompts
        rooms.prompts.prompt(self._project, name)
        return [one.to_json() for one in rooms.watch.watches.of(self._project, name)]

    def usage(self, name: str, *, period: str, label: str | None) -> Sequence[Json]:
        asked = Period.last(period, now_us())
        label = None if label is None else check_label(label)
        platform = self._looking
        platform.drainer.flush()
        platform.prompts.prompts.prompt(self._project, name)
        found = usage_of(PromptCalls(platform.store), self._project, name, asked, label=label)
        return [one.to_json() for one in found]
