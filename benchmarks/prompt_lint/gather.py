"""Finds the prompts in a Python package: texts of its wheel that are named as prompts.

    pip download --no-deps -d wheels ragas==0.4.3
    python -m benchmarks.prompt_lint.gather wheels/ragas-0.4.3-py3-none-any.whl

A text counts that is given to a name with `prompt`, `template`, `instruction` or `system` in it, or returned by a
function or method of such a class, and has 12 words. F-strings become templates of the syntax `format`. Nothing of the
texts is kept here.
"""

import ast
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Found", "files_of", "prompts_of"]

_NAMED = re.compile(r"prompt|template|instruction|system|_tmpl", re.IGNORECASE)
_FILE = re.compile(r"prompt.*\.(?:md|txt|jinja2?|j2|mustache|prompt)$", re.IGNORECASE)
_FEWEST_WORDS = 12
_JINJA = re.compile(r"\{\{-? *[\w.|() ]+ *-?\}\}|\{%")
_FIELD = re.compile(r"\{[A-Za-z_]\w*\}")
_CODE = re.compile(r"\b(?:def \w+\(|import \w+|class \w+:|SELECT .* FROM|<html|MATCH \()")


@dataclass(frozen=True, slots=True)
class Found:
    """A prompt in a package: `source` is `file:NAME`, `key` the beginning of its text's SHA-256."""

    source: str
    role: str
    syntax: str
    template: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.template.encode("utf-8", "replace")).hexdigest()[:12]


def prompts_of(wheel: Path) -> Iterator[Found]:
    """The prompts of a wheel, each text once, by file."""
    seen = set[str]()
    with zipfile.ZipFile(wheel) as files:
        for name in sorted(files.namelist()):
            if name.endswith(".py") and "/test" not in name:
                try:
                    tree = ast.parse(files.read(name))
                except (SyntaxError, ValueError):
                    continue
                for label, text in _texts(tree, ""):
                    found = Found(
                        f"{name}:{label}", "system" if "system" in label.lower() else "text", _syntax(text), text
                    )
                    if len(text.split()) >= _FEWEST_WORDS and not _CODE.search(text) and found.key not in seen:
                        seen.add(found.key)
                        yield found


def files_of(wheel: Path) -> Iterator[Found]:
    """The files of a wheel that are texts and have `prompt` in their path."""
    with zipfile.ZipFile(wheel) as files:
        for name in sorted(files.namelist()):
            if _FILE.search(name) and "/test" not in name and "dist-info" not in name:
                text = files.read(name).decode("utf-8", "replace")
                yield Found(name, "system" if "system" in name.lower() else "text", _syntax(text), text)


def _texts(node: ast.AST, within: str) -> Iterator[tuple[str, str]]:
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.ClassDef | ast.FunctionDef):
            yield from _texts(one, f"{within}.{one.name}".lstrip("."))
        elif isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            label = ast.unparse(targets[0])
            if _NAMED.search(label) and (text := _text(one.value)) is not None:
                yield f"{within}.{label}".lstrip("."), text
            yield from _texts(one.value, within)
        elif isinstance(one, ast.Return) and _NAMED.search(within) and one.value is not None:
            if (text := _text(one.value)) is not None:
                yield within, text
        elif (
            isinstance(one, ast.keyword)
            and one.arg
            and _NAMED.search(one.arg)
            and (text := _text(one.value)) is not None
        ):
            yield f"{within}.{one.arg}".lstrip("."), text
        else:
            yield from _texts(one, within)


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and node.args:  # textwrap.dedent("..."), PromptTemplate("..."), "...".strip()
        return _text(node.args[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _text(node.func.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.JoinedStr):
        parts = list[str]()
        for one in node.values:
            if isinstance(one, ast.Constant):
                parts.append(str(one.value).replace("{", "{{").replace("}", "}}"))
            elif isinstance(one, ast.FormattedValue) and isinstance(one.value, ast.Name | ast.Attribute):
                parts.append("{" + ast.unparse(one.value).rpartition(".")[2] + "}")
            else:
                return None
        return "".join(parts)
    return None


def _syntax(text: str) -> str:
    return "jinja" if _JINJA.search(text) and not _FIELD.search(_JINJA.sub("", text)) else "format"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        for prompt in prompts_of(Path(path)):
            print(f"{prompt.key}  {prompt.syntax:8} {prompt.role:7} {len(prompt.template):6,}  {prompt.source}")
