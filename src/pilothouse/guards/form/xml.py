"""Whether an answer is XML with the elements that are wanted. No entity is expanded, nothing is fetched."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from lxml import etree

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.form.json_schema import read_aside
from pilothouse.guards.form.problems import Formed, Mend, Problem, result_of, shown
from pilothouse.protocols import Guard, Subject
from pilothouse.types import Json

__all__ = ["Xml", "XmlForm"]

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,200}")


class XmlForm:
    """XML whose outermost element is `root` (any where it is None), and that holds `elements`, as paths from the root:
    `items/item`. The value is the tree, of lxml. Raises ValueError for a path that is none."""

    schema: Json | None = None

    def __init__(self, root: str | None = None, elements: tuple[str, ...] = ()) -> None:
        for path in (*elements, *(() if root is None else (root,))):
            if not all(_NAME.fullmatch(step) for step in path.split("/")):
                raise ValueError(f"'{path}' is no path of elements, such as 'items/item'")
        self._root, self._elements = root, elements

    def read(self, text: str, *, mend: bool = True) -> Formed:
        tree, broken = _parsed(text)
        if tree is not None:
            found = self._problems(tree)
            if not found:
                return Formed(tree, text)
        else:
            found = [Problem("", "xml", f"XML and nothing else ({broken})")]
        for piece, mended in self._readings(text) if mend else ():
            tree, _ = _parsed(piece, recover="syntax" in mended)
            if tree is not None and not self._problems(tree):
                return Formed(tree, etree.tostring(tree, encoding="unicode"), (), mended)
        return Formed(None, text, tuple(found))

    def _readings(self, text: str) -> list[tuple[str, tuple[Mend, ...]]]:
        """The element alone, out of what is around it; then with its tags closed."""
        opening = re.compile(rf"<{re.escape(self._root) if self._root else _NAME.pattern}(?=[\s>/])").search(text)
        if opening is None:
            return []
        name = opening[0][1:]
        end = text.rfind(f"</{name}>")
        piece = text[opening.start() :] if end < 0 else text[opening.start() : end + len(name) + 3]
        around: tuple[Mend, ...] = ("extracted",) if len(piece) < len(text) else ()
        return [(piece, around or ("extracted",)), (piece, (*around, "syntax"))]

    def _problems(self, tree: Any) -> list[Problem]:
        if self._root is not None and tree.tag != self._root:
            return [Problem("", "root", f"the outermost element <{self._root}>", shown(str(tree.tag)))]
        missing = [path for path in self._elements if tree.find(path) is None]
        return [Problem(f"/{tree.tag}", "element", f"the element {path}", "not there") for path in missing]


@dataclass(frozen=True, kw_only=True)
class Xml(Guard):
    """Triggers where an answer is not XML, has another outermost element than `root`, or lacks one of `elements`
    (paths from the root, such as `items/item`). With `repair` it says how the answer should have been: taken out of
    other text, its tags closed."""

    stages: ClassVar[frozenset[Stage]] = frozenset({"output"})
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "retry"

    root: str | None = None
    elements: tuple[str, ...] = ()
    repair: bool = True
    name: str = "xml"

    def __post_init__(self) -> None:
        try:
            _ = self._form
        except ValueError as error:
            raise ConfigError(f"{self.name}: {error}.", param=self.name) from None

    async def check(self, subject: Subject) -> GuardResult:
        return result_of(self.name, await read_aside(self._form, subject.text, mend=self.repair))

    @cached_property
    def _form(self) -> XmlForm:
        return XmlForm(self.root, self.elements)


def _parsed(text: str, *, recover: bool = False) -> tuple[Any, str]:
    """(the outermost element, why there is none)."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None, "a document type is not taken"
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover
    )  # fmt: skip
    try:
        tree = etree.fromstring(text.strip().encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        return None, f"line {getattr(error, 'lineno', 1) or 1}" if text.strip() else "it is empty"
    return tree, "it is empty" if tree is None else ""
