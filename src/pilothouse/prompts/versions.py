"""Versions and moves of labels as values, and the names by which they are asked for: `name`, `name@3`, `name#label`."""

import re
from dataclasses import dataclass
from typing import Literal
from unicodedata import is_normalized

from pilothouse.errors import InvalidRequest
from pilothouse.prompts.content import Content

__all__ = [
    "LATEST", "PRODUCTION", "Move", "MoveKind", "Pending", "PendingStatus", "Prompt", "PromptPage", "Reference",
    "Version", "VersionHead", "check_label", "check_name", "label_fault", "name_fault", "reference_of",
]  # fmt: skip

LATEST = "latest"
"""The label of the newest version, which nobody moves."""
PRODUCTION = "production"
"""The label of whoever names none."""

MOST_NAME = 256
MOST_NUMBER = 2**31 - 1
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_ADDRESSES = frozenset((
    "versions", "resolved", "labels", "rollback", "history", "render", "lint", "usage", "evaluate", "verdicts",
    "optimize", "gates", "diff", "watch",
))  # fmt: skip
_NOT_IN_NAMES = '#@{}"\\'

MoveKind = Literal["promote", "rollback", "unlabel"]
PendingStatus = Literal["pending", "approved", "rejected", "stale"]


@dataclass(frozen=True, slots=True)
class Version:
    """A numbered version. `parent` is the version that it was made from, `labels` those that point to it now."""

    project_id: str
    name: str
    number: int
    content: Content
    hash: str
    message: str
    author: str
    created_us: int
    parent: int | None = None
    labels: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """`name@number`."""
        return f"{self.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class VersionHead:
    """The same without its content, for lists."""

    project_id: str
    name: str
    number: int
    hash: str
    message: str
    author: str
    created_us: int
    parent: int | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt by name. `newest` is the number of its newest version, `labels` say to which version each points."""

    project_id: str
    name: str
    description: str
    tags: tuple[str, ...]
    newest: int
    labels: dict[str, int]
    created_us: int
    updated_us: int
    archived_us: int | None = None


@dataclass(frozen=True, slots=True)
class PromptPage:
    """Prompts by name. `next` continues: hand it back as `after`. None at the end."""

    prompts: list[Prompt]
    next: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A label was moved to `version`, or taken away where that is None.

    `number` counts the moves of one label of one prompt from 1, and `before` is the version that it pointed to until
    then. `back` is the number of the move to whose version a rollback from here returns, None where there is none.
    `actor` is who asked for it, `approved_by` the second person where one was needed.
    """

    id: str
    name: str
    label: str
    number: int
    version: int | None
    before: int | None
    kind: MoveKind
    back: int | None
    actor: str
    reason: str
    forced: bool
    at_us: int
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A promotion that waits for a second person. It is `stale` once the label was moved otherwise."""

    id: str
    name: str
    label: str
    version: int
    before: int | None
    actor: str
    reason: str
    forced: bool
    status: PendingStatus
    created_us: int
    decided_us: int | None = None
    decided_by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """What `name`, `name@3` or `name#label` asks for. Without version and label it is the label `production`."""

    name: str
    version: int | None = None
    label: str | None = None

    @property
    def wanted(self) -> str:
        """The label that is asked for, where no version is."""
        return self.label or PRODUCTION

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version is not None else f"{self.name}#{self.wanted}"


def reference_of(text: str) -> Reference:
    """Raises InvalidRequest where it is none."""
    name, label_mark, label = text.partition("#")
    if label_mark:
        return Reference(check_name(name), label=check_label(label))
    name, version_mark, number = text.partition("@")
    if not version_mark:
        return Reference(check_name(name))
    if not (number.isascii() and number.isdecimal() and 0 < len(number) <= 10 and 0 < int(number) <= MOST_NUMBER):
        raise InvalidRequest(f"'{text}': after the @ comes the number of a version, such as {name}@3.", param="prompt")
    return Reference(check_name(name), version=int(number))


def check_name(name: str) -> str:
    """The name, where a prompt may have it. Raises InvalidRequest, saying what is wrong."""
    fault = name_fault(name)
    if fault is not None:
        raise InvalidRequest(fault, param="name")
    return name


def name_fault(name: str) -> str | None:
    """Why a prompt may not have this name, None where it may."""
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        return f"The name of a prompt has 1 to {MOST_NAME} printable characters."
    if not is_normalized("NFC", name):
        return f"The name '{name}' is written in parts that have a letter of their own (Unicode's form NFC is taken)."
    found = next((character for character in _NOT_IN_NAMES if character in name), None)
    if found is not None:
        return f"The name '{name}' holds {found}, which stands for something else in references and templates."
    parts = name.split("/")
    if any(not part.strip() or part != part.strip() or part in (".", "..") for part in parts):
        return f"The name '{name}' has an empty part, one of dots, or spaces at an end: write it as folder/name."
    taken = next((part for part in parts[1:] if part in _ADDRESSES), None)
    if taken is not None:
        return f"The name '{name}' has the part '/{taken}', by which the API names what belongs to a prompt."
    return None


def check_label(label: str) -> str:
    """The label, where a version may have it. Raises InvalidRequest, saying what is wrong."""
    fault = label_fault(label)
    if fault is not None:
        raise InvalidRequest(fault, param="label")
    return label


def label_fault(label: str) -> str | None:
    """Why no label may be called this, None where one may."""
    if _LABEL.fullmatch(label):
        return None
    return f"'{label[:64]}' is no label: it has 1 to 64 of a-z, 0-9, dot, dash and underscore, no sign first."
