"""The registry of prompts: versions are made and read, prompts found, described and archived. Labels are its base.

A version never changes, and none is lost: what is not wanted any more is archived.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row
from sqlalchemy.engine import Connection

from pilothouse.access.audit import Actor, record
from pilothouse.errors import Conflict, InvalidRequest, NotFound, PromotionRefused, TemplateRefused
from pilothouse.prompts.content import Content
from pilothouse.prompts.guarding import OPEN
from pilothouse.prompts.inclusions import check_inclusions, parts
from pilothouse.prompts.labels import TOPIC, Labels, movable
from pilothouse.prompts.reading import MOST, head, need_prompt, need_version, pointing, prompt, version_of
from pilothouse.prompts.templates.checking import check
from pilothouse.prompts.versions import (
    LATEST,
    Prompt,
    PromptPage,
    Reference,
    Version,
    VersionHead,
    check_name,
    label_fault,
)
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.prompting import move_rows, prompt_rows
from pilothouse.storage.statements import storable
from pilothouse.types import Json

__all__ = ["TOPIC", "Prompts", "checked_tags"]

MOST_MESSAGE = 2000
MOST_DESCRIPTION = 20_000
MOST_TAGS = 50
_MOST_TAG = 64
_TRIES = 50


class Prompts(Labels):
    """The prompts of a control database. Every method blocks on it.

    Every change is one transaction with its entry in the audit log; other processes notice it by the topic `prompts`.
    """

    def create(
        self, project: str, name: str, content: Content, *, by: Actor, message: str = "", labels: Sequence[str] = (),
        parent: int | None = None,
    ) -> Version:  # fmt: skip
        """The next version of the prompt, which is made where there is none of that name, with these labels.

        The same content as the newest version is that version again. `parent` is the version that it was made from:
        another newest one is a Conflict. Raises PromotionRefused where a label is protected, InvalidRequest for odd
        names, and for what it includes and is not there or includes it in turn; Conflict where it is archived.
        """
        check_name(name)
        if len(message) > MOST_MESSAGE:
            raise InvalidRequest(f"A message has at most {MOST_MESSAGE} characters.", param="message")
        wanted = [movable(label) for label in dict.fromkeys(labels) if label != LATEST]
        told: Json = {"message": storable(message), "author": by.name, "parent": parent}
        for _ in range(_TRIES):
            seen = self._may_have(project, name, wanted)
            with writing(self._engine) as connection:
                if wanted and self.guard is not OPEN and seen != _standing(connection, project, name, wanted):
                    continue  # the guard answered about another state
                prompt_rows.add_prompt(connection, project, name, self._clock())
                asked = need_prompt(connection, project, name, live=True, lock=True)
                number = self._added(connection, asked, content, by, told)
                for label in wanted:
                    self._point(connection, project, name, number, label, by, told["message"])
                return need_version(connection, project, name, number)
        raise Conflict(f"The prompt '{name}' is being changed all the time. Try again.")

    def get(self, project: str, name: str, *, version: int | None = None, label: str | None = None) -> Version:
        """A version by its number, or that of a label, by default `production`. Raises InvalidRequest for both, and
        NotFound, which says what labels there are. A version by number is there also when the prompt is archived."""
        if version is not None and label is not None:
            raise InvalidRequest("Name a version or a label, not both.", param="label")
        with self._engine.connect() as connection:
            return version_of(connection, project, Reference(name, version, label))

    def newest(self, project: str, name: str) -> Version:
        """The newest version. Raises NotFound."""
        return self.get(project, name, label=LATEST)

    def prompt(self, project: str, name: str) -> Prompt:
        """What there is of this prompt, also when it is archived. Raises NotFound."""
        with self._engine.connect() as connection:
            return _whole(connection, project, name)

    def list(
        self, project: str, *, search: str = "", label: str | None = None, tag: str | None = None,
        archived: bool = False, folder: str = "", below: bool = True, after: str | None = None, limit: int = 50,
    ) -> PromptPage:  # fmt: skip
        """Up to `limit` (500 at most) prompts by name, those after the name `after`: with `search` in the name or the
        description, with this label, with this tag; whose names begin with `folder` (`rag/`), not `below` only those
        that are in it themselves. `archived` ones are a list of their own."""
        limit = max(1, min(MOST, limit))
        wanted = None if label in (None, LATEST) else label
        if wanted is not None and label_fault(wanted):
            return PromptPage([], None)
        with self._engine.connect() as connection:
            rows = prompt_rows.prompt_rows(
                connection, project, search=storable(search), label=wanted, tag=None if tag is None else storable(tag),
                archived=archived, folder=storable(folder), below=below,
                after=None if after is None else storable(after), limit=limit + 1,
            )  # fmt: skip
            labels = prompt_rows.labels_of(connection, project, [row.name for row in rows[:limit]])
        page = [prompt(row, labels[row.name]) for row in rows[:limit]]
        return PromptPage(page, page[-1].name if len(rows) > limit else None)

    def folders(self, project: str, folder: str = "", *, archived: bool = False) -> dict[str, int]:
        """The folders directly in this one (500 at most), each with how many prompts are in it at any depth."""
        with self._engine.connect() as connection:
            rows = prompt_rows.folder_rows(connection, project, storable(folder), archived=archived)
        return {row.name: row.prompts for row in rows}

    def heads(self, project: str, names: Sequence[str]) -> dict[str, VersionHead]:
        """Of each of these prompts the newest version, without its content and labels."""
        with self._engine.connect() as connection:
            rows = prompt_rows.newest_rows(connection, project, [*map(storable, names)])
        return {row.name: head(row, ()) for row in rows}

    def parts(self, project: str, content: Content) -> dict[str, Version]:
        """What a content includes, at any depth, as its labels point now: by the reference as the template has it.
        Raises InvalidRequest where something of it is not there."""
        with self._engine.connect() as connection:
            return parts(content, lambda reference: version_of(connection, project, reference))

    def versions(self, project: str, name: str, *, limit: int = 50, before: int | None = None) -> Sequence[VersionHead]:
        """Up to `limit` (500 at most) versions without their contents, the newest first, those before the number
        `before`. Raises NotFound."""
        with self._engine.connect() as connection:
            asked = need_prompt(connection, project, name)
            labels = prompt_rows.labels_of(connection, project, [name])[name]
            rows = prompt_rows.head_rows(connection, project, name, before=before, limit=max(1, min(MOST, limit)))
        return [head(row, pointing(asked, labels, row.number)) for row in rows]

    def describe(
        self, project: str, name: str, *, by: Actor, description: str | None = None, tags: Sequence[str] | None = None
    ) -> Prompt:  # fmt: skip
        """Change what is said of a prompt; None leaves it. Raises NotFound, and InvalidRequest for odd tags."""
        given: Json = {}
        if description is not None:
            if len(description) > MOST_DESCRIPTION:
                raise InvalidRequest(f"A description has at most {MOST_DESCRIPTION} characters.", param="description")
            given["description"] = storable(description)
        if tags is not None:
            given["tags"] = msgspec.json.encode(checked_tags(tags)).decode()
        with writing(self._engine) as connection:
            asked = need_prompt(connection, project, name, lock=True)
            changed = {column: value for column, value in given.items() if getattr(asked, column) != value}
            if changed:
                self._set(connection, asked, changed, by, "prompt.describe")
            return _whole(connection, project, name)

    def archive(self, project: str, name: str, archived: bool = True, *, by: Actor) -> Prompt:
        """Take a prompt out of the list, or back into it. Nothing of it is lost, and who asks for a version by its
        number still gets it. Raises NotFound, and Conflict while a label points to a version: it is in use then."""
        with writing(self._engine) as connection:
            asked = need_prompt(connection, project, name, lock=True)
            labels = prompt_rows.labels_of(connection, project, [name])[name]
            if archived and labels:
                shown = ", ".join(labels)
                raise Conflict(f"The prompt '{name}' is in use by its labels: {shown}. Take them away first.")
            if archived != (asked.archived_us is not None):
                values = {"archived_us": self._clock() if archived else None}
                self._set(connection, asked, values, by, "prompt.archive" if archived else "prompt.restore")
            return _whole(connection, project, name)

    def _set(self, connection: Connection, asked: Row[Any], values: Json, by: Actor, action: str) -> None:
        prompt_rows.change_prompt(connection, asked.project_id, asked.name, {**values, "updated_us": self._clock()})
        shown = [column for column in values if column != "archived_us"]
        before, after = (
            {column: getattr(asked, column) for column in shown},
            {column: values[column] for column in shown},
        )
        told: Json = {"before": before, "after": after} if shown else {}
        record(connection, by, action, f"prompt:{asked.name}", project_id=asked.project_id, **told)
        Changes.bump(connection, TOPIC)

    def _added(self, connection: Connection, asked: Row[Any], content: Content, by: Actor, told: Json) -> int:
        """The number of the newest version with this content, which is made where the newest has another."""
        project, name, number = asked.project_id, asked.name, int(asked.newest) + 1
        if asked.newest and need_version(connection, project, name, asked.newest).content == content:
            return int(asked.newest)
        if told["parent"] not in (None, asked.newest):
            raise Conflict(
                f"The newest version of '{name}' is {asked.newest}, not {told['parent']}. Look at what changed since.",
                param="parent",
            )

        def find(reference: Reference) -> Version | None:
            try:
                return version_of(connection, project, reference)
            except NotFound as error:
                if error.param == "label":
                    return None
                raise

        _must_be_sound(content)
        check_inclusions(name, content, find, complete=False)
        now = self._clock()
        row = {
            "project_id": project, "name": name, "number": number, "hash": content.hash,
            "body": content.model_dump_json(), "created_us": now, **told, "parent": asked.newest or None,
        }  # fmt: skip
        prompt_rows.add_version(connection, row)
        prompt_rows.change_prompt(connection, project, name, {"newest": number, "updated_us": now})
        after = {"version": number, "hash": content.hash, "message": told["message"]}
        record(connection, by, "prompt.create", f"prompt:{name}", project_id=project, after=after)
        Changes.bump(connection, TOPIC)
        return number

    def _may_have(self, project: str, name: str, labels: Sequence[str]) -> Json:
        """Ask the guard whether a new version may have these labels from the start; for which state it answered."""
        if self.guard is OPEN or not labels:
            return {}
        with self._engine.connect() as connection:
            seen = _standing(connection, project, name, labels)
        for label in labels:
            reasons = self.guard.check(project, name, seen[LATEST] + 1, label, seen[label])
            if not reasons and self.guard.approvals(project, name, label):
                reasons = ["Another person must agree to that."]
            if reasons:
                told = f"A new version of '{name}' may not become '{label}' at once: make it without, then promote it."
                raise PromotionRefused(told, reasons)
        return seen

    def _point(
        self, connection: Connection, project: str, name: str, version: int, label: str, by: Actor, reason: str
    ) -> None:
        last = move_rows.last_move(connection, project, name, label)
        if last is None or last.version != version:
            self._can_render(connection, project, name, version, label)
            told = {"actor": by.name, "reason": reason}
            self._move(connection, project, name, version, label, last, by, told)


def _standing(connection: Connection, project: str, name: str, labels: Sequence[str]) -> Json:
    """By label its version, and the number of the newest one (0 for none)."""
    asked = prompt_rows.prompt_row(connection, project, name)
    pointed = prompt_rows.labels_of(connection, project, [name])[name]
    return {**{label: pointed.get(label) for label in labels}, LATEST: 0 if asked is None else asked.newest}


def _whole(connection: Connection, project: str, name: str) -> Prompt:
    row = need_prompt(connection, project, name)
    return prompt(row, prompt_rows.labels_of(connection, project, [name])[name])


def _must_be_sound(content: Content) -> None:
    """Raises TemplateRefused for a template that cannot be read, InvalidRequest for variables that do not fit it."""
    wrong = [problem for problem in check(content) if problem.kind != "unused"]
    if not wrong:
        return
    first = wrong[0]
    if first.kind == "syntax":
        where = "" if first.message is None else f"messages[{first.message}]"
        raise TemplateRefused(first.what, line=first.line, where=where)
    told = "; ".join(problem.told for problem in wrong[:5])
    raise InvalidRequest(f"{told[0].upper()}{told[1:]}", param="variables")


def checked_tags(tags: Sequence[str]) -> list[str]:
    """The tags as they are kept. Raises InvalidRequest for odd ones."""
    found = sorted({*tags})
    if len(found) > MOST_TAGS:
        raise InvalidRequest(f"A prompt has at most {MOST_TAGS} tags.", param="tags")
    for tag in found:
        if not 0 < len(tag) <= _MOST_TAG or not tag.isprintable() or '"' in tag or "\\" in tag:
            raise InvalidRequest(f"A tag has 1 to {_MOST_TAG} printable characters without quotes.", param="tags")
    return found
