"""Files and registry beside each other: what is new, what was changed on which side, and what is done about it.

Nothing is overwritten on either side where both were changed since the version that the file came from: that is a
conflict, told with what each side changed. Knows nothing of where the registry is.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pilothouse.errors import ConfigError, InvalidRequest
from pilothouse.prompts.content import Content
from pilothouse.prompts.files import PromptFile, write
from pilothouse.prompts.folder import Folder
from pilothouse.prompts.inclusions import included
from pilothouse.prompts.templates.checking import check
from pilothouse.prompts.versions import LATEST, Version

__all__ = ["Kind", "Registry", "Step", "Syncing"]

Kind = Literal["new", "updated", "unchanged", "edited", "behind", "conflict", "broken", "refused", "absent"]
_REFUSED = frozenset(("syntax", "undefined", "variable"))
_FAILED = frozenset(("conflict", "broken", "refused"))


class Registry(Protocol):
    """The registry, for these prompts. A version that is not there is None, and so is one of an archived prompt."""

    def names(self) -> Sequence[str]: ...

    def labelled(self, name: str, label: str) -> Version | None: ...

    def numbered(self, name: str, number: int) -> Version | None: ...

    def create(
        self, name: str, content: Content, *, parent: int | None, message: str, labels: Sequence[str]
    ) -> Version: ...  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """What is so of one prompt, or was done: `told` in a sentence, `shown` as differences. `version` is the registry's
    that the file now is, None where it is none."""

    kind: Kind
    name: str
    path: Path | None
    told: str
    version: int | None = None
    shown: str = ""

    @property
    def failed(self) -> bool:
        """Whether somebody must look."""
        return self.kind in _FAILED


class Syncing:
    """`ancestors` gives the hashes that the file at a path had in the past of its git branch: where the registry's
    newest version is one of them, git has merged it into the file, and there is no conflict."""

    def __init__(
        self, folder: Folder, registry: Registry, *, ancestors: Callable[[Path], Iterable[str]] = lambda _: ()
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._ancestors = ancestors

    def pull(self, names: Sequence[str] = (), *, label: str = LATEST, force: bool = False) -> Iterator[Step]:
        """Write what the registry has under `label` into files; `force` gives up what was edited here."""
        yield from self._faults()
        wanted = [*dict.fromkeys(names)] or self._registry.names()
        for name in wanted:
            yield self._guarded(name, lambda name: self._pulled(name, label, force, asked=bool(names)))
        if not names:
            yield from self._without(sorted(self._folder.files.keys() - set(wanted)), "is not in the registry")

    def push(
        self, names: Sequence[str] = (), *, label: str | None = None, message: str = "", dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[Step]:  # fmt: skip
        """Make versions of files that were edited, and have `label` point to them; `force` also over what the registry
        got meanwhile, of which nothing is lost."""
        yield from self._faults()
        labels = () if label is None else (label,)
        for name in self._included_first(names or sorted(self._folder.files)):
            yield self._guarded(name, lambda name: self._pushed(name, labels, message, dry_run, force))
        if not names:
            yield from self._unfiled()

    def diff(self, names: Sequence[str] = ()) -> Iterator[Step]:
        """What differs between files and the newest versions. Nothing is changed."""
        yield from self._faults()
        for name in names or sorted(self._folder.files):
            yield self._guarded(name, lambda name: self._compared(name, force=False)[0])
        if not names:
            yield from self._unfiled()

    def _included_first(self, names: Iterable[str]) -> Sequence[str]:
        """The names in their order, but after what they include of others."""
        wanted, order = dict.fromkeys(names), dict[str, None]()

        def place(name: str, way: frozenset[str]) -> None:
            for other in _included(self._folder.files.get(name)):
                if other in wanted and other not in order and other not in way:
                    place(other, way | {other})
            order[name] = None

        for name in wanted:
            if name not in order:
                place(name, frozenset((name,)))
        return [*order]

    def _faults(self) -> Iterator[Step]:
        for place, told in self._folder.faults.items():
            yield Step("broken", "", self._folder.path / place, told)

    def _guarded(self, name: str, work: Callable[[str], Step]) -> Step:
        """One prompt; where it is refused, the others still go. A registry that is away ends it for all."""
        try:
            return work(name)
        except (InvalidRequest, ConfigError) as error:
            return Step("refused", name, self._path(name), error.message)

    def _path(self, name: str) -> Path | None:
        return self._folder.at(name) if name in self._folder.files else None

    def _pulled(self, name: str, label: str, force: bool, *, asked: bool) -> Step:
        theirs, mine = self._registry.labelled(name, label), self._folder.files.get(name)
        if theirs is None:
            kind: Kind = "refused" if asked else "absent"
            return Step(kind, name, self._path(name), f"has no version with the label '{label}' in the registry.")
        path, number = self._folder.at(name), theirs.number
        if mine is None:
            self._folder.put(name, theirs.content, number)
            return Step("new", name, path, f"version {number} is written.", number)
        if mine.content.hash == theirs.hash:
            self._folder.stamp(name, number)
            return Step("unchanged", name, path, f"is version {number}.", number)
        base = self._base(mine)
        if force or (not mine.edited and base is not None):
            self._folder.put(name, theirs.content, number)
            return Step("updated", name, path, f"is now version {number}, was {_called(mine)}.", number)
        if base is not None and base.number == number:
            told = f"was edited since version {number}, and stays."
            return Step("edited", name, path, told, number, _changes(name, theirs, mine))
        return self._conflict(mine, base, theirs, "Nothing is written: pull with --force to give up what was edited.")

    def _pushed(self, name: str, labels: Sequence[str], message: str, dry_run: bool, force: bool) -> Step:
        step, parent = self._compared(name, force=force)
        makes = step.kind in ("new", "edited")
        theirs = None if makes else self._registry.labelled(name, LATEST)
        points = [label for label in labels if theirs is None or label not in theirs.labels]
        if not makes and (step.kind != "unchanged" or not points):
            return step
        if dry_run:
            return step
        mine = self._folder.files[name]
        made = self._registry.create(name, mine.content, parent=parent, message=message, labels=labels)
        self._folder.stamp(name, made.number)
        told = f"is now version {made.number}" if makes else f"is version {made.number}"
        told += f", {labels[0]}." if labels else "."
        return Step("updated", name, step.path, told, made.number)

    def _compared(self, name: str, *, force: bool) -> tuple[Step, int | None]:
        """What is so of a file, and the version that a new one would be made from."""
        mine = self._folder.files.get(name)
        if mine is None:
            return Step("refused", name, None, f"has no file in {self._folder.path} that could be read."), None
        path, theirs = self._folder.at(name), self._registry.labelled(name, LATEST)
        if (theirs is None or theirs.hash != mine.content.hash) and (fault := _fault(mine, path)):
            return Step("broken", name, path, fault), None
        if theirs is None:
            told = "is not in the registry, and will be its version 1."
            if mine.version is not None:
                told += f" The file came from {_called(mine)} of another registry or name, or it is archived here."
            return Step("new", name, path, told, None, _changes(name, None, mine)), None
        number = theirs.number
        if mine.content.hash == theirs.hash:
            return Step("unchanged", name, path, f"is version {number}.", number), number
        base = self._base(mine)
        if base is not None and not mine.edited:
            told = f"is version {base.number} as it was; the newest is {number}. Pull to get it."
            return Step("behind", name, path, told, base.number, _changes(name, mine, theirs)), number
        if force or (base is not None and base.number == number) or self._merged(path, theirs):
            told = f"was edited since version {number}."
            return Step("edited", name, path, told, None, _changes(name, theirs, mine)), number
        told = "Nothing is made: bring both together in the file and push with --force, or pull with --force."
        return self._conflict(mine, base, theirs, told), number

    def _base(self, mine: PromptFile) -> Version | None:
        """The version that a file came from, where it is one of this registry."""
        if mine.version is None:
            return None
        base = self._registry.numbered(mine.name, mine.version)
        return base if base is not None and base.hash == mine.hash else None

    def _merged(self, path: Path, theirs: Version) -> bool:
        return any(known == theirs.hash for known in self._ancestors(path))

    def _conflict(self, mine: PromptFile, base: Version | None, theirs: Version, advice: str) -> Step:
        path = self._folder.at(mine.name)
        if base is None:
            told = f"differs from version {theirs.number}, and does not say from which version it came. {advice}"
            return Step("conflict", mine.name, path, told, None, _changes(mine.name, theirs, mine))
        told = f"was edited since version {base.number}, and the registry has version {theirs.number}. {advice}"
        shown = _changes(mine.name, base, theirs) + _changes(mine.name, base, mine)
        return Step("conflict", mine.name, path, told, None, shown)

    def _unfiled(self) -> Iterator[Step]:
        """Prompts of the registry without a file: never filed, deleted here, or renamed."""
        files = self._folder.files
        missing = [name for name in self._registry.names() if name not in files]
        came = {(one.version, one.hash): one.name for one in files.values() if one.version is not None}
        versions = {version for version, _ in came}
        for name in missing:
            heads = (self._registry.numbered(name, number) for number in versions)
            became = next((came[key] for one in heads if one and (key := (one.number, one.hash)) in came), None)
            told = "is in the registry and has no file here; it stays there."
            if became is not None and self._registry.labelled(became, LATEST) is None:
                told = f"has no file here, and '{became}' came from it: it looks renamed. It stays in the registry."
            yield Step("absent", name, None, told)

    def _without(self, names: Sequence[str], told: str) -> Iterator[Step]:
        for name in names:
            yield Step("absent", name, self._path(name), f"{told}: it is new here, or was archived or renamed there.")


def _fault(mine: PromptFile, path: Path) -> str | None:
    """What is wrong with a template, with the line of the file."""
    for problem in check(mine.content):
        if problem.kind in _REFUSED:
            line = mine.lines[problem.message or 0] + (problem.line or 1) - 1
            return f"{path}:{line}: {problem.what}"
    return None


def _included(mine: PromptFile | None) -> list[str]:
    try:
        return [] if mine is None else [reference.name for reference in included(mine.content).values()]
    except InvalidRequest:
        return []


def _called(mine: PromptFile) -> str:
    return "of no known version" if mine.version is None else f"version {mine.version}"


def _changes(name: str, before: Version | PromptFile | None, after: Version | PromptFile) -> str:
    """A unified difference of the two as files."""
    old = [] if before is None else write(name, before.content).splitlines()
    new = write(name, after.content).splitlines()
    lines = difflib.unified_diff(old, new, _titled(before), _titled(after), lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _titled(side: Version | PromptFile | None) -> str:
    if side is None:
        return "nothing"
    return f"{side.name} version {side.number}" if isinstance(side, Version) else f"{side.name} as in the file"
