"""The shape of the code: what STYLE asks of files, functions, names and folders, counted."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pilothouse"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts)

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_DEPTH = 2
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core"}
NOT_OURS = {".venv", ".venv-interop", "build", "dist", ".git"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|raise NotImplementedError)\b")


class Module(NamedTuple):
    """A file of the package."""

    path: Path
    text: str
    tree: ast.Module


@cache
def modules() -> list[Module]:
    texts = [(path, path.read_text()) for path in FILES]
    return [Module(path, text, ast.parse(text)) for path, text in texts]


def found(faults: Callable[[Module], Iterator[str]]) -> list[str]:
    return [fault for module in modules() for fault in faults(module)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_and_functions_are_short() -> None:
    def faults(module: Module) -> Iterator[str]:
        if len(module.text.splitlines()) > MAX_FILE_LINES:
            yield f"{module.path} has two subjects"
        for function in functions(module.tree):
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{module.path}:{function.lineno} {function.name} has {length} lines"

    assert found(faults) == []


def test_names_say_something_and_folders_stay_flat() -> None:
    def faults(module: Module) -> Iterator[str]:
        parts = module.path.relative_to(PACKAGE).with_suffix("").parts
        if FORBIDDEN & set(parts):
            yield f"{module.path}: a name that says nothing"
        if len(parts) - 1 > MAX_DEPTH:
            yield f"{module.path}: folders deeper than {MAX_DEPTH}"

    assert found(faults) == []


def test_modules_say_their_duty_and_leave_nothing_open() -> None:
    def faults(module: Module) -> Iterator[str]:
        if not ast.get_docstring(module.tree):
            yield f"{module.path} has no docstring"
        if UNFINISHED.search(module.text):
            yield f"{module.path} is unfinished"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Global):
                yield f"{module.path}:{node.lineno} changes a global"
            if swallows_everything(node):
                yield f"{module.path}:{node.lineno} swallows every error"

    assert found(faults) == []


def test_public_classes_and_functions_of_exported_names_have_docstrings() -> None:
    def faults(module: Module) -> Iterator[str]:
        exported = exported_names(module.tree)
        for node in module.tree.body:
            named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name in exported
            if named and module.path.name != "errors.py" and not ast.get_docstring(node) and not is_cli(node):
                yield f"{module.path}:{node.lineno} {node.name} has no docstring"

    assert found(faults) == []


def test_modules_say_what_they_export() -> None:
    def faults(module: Module) -> Iterator[str]:
        kinds = ast.ClassDef | ast.FunctionDef
        public = [n.name for n in module.tree.body if isinstance(n, kinds) and not n.name.startswith("_")]
        if public and not exported_names(module.tree) and module.path.name != "__main__.py":
            yield f"{module.path} has no __all__"

    assert found(faults) == []


def exported_names(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets):
            return {element.value for element in node.value.elts}  # type: ignore[attr-defined]
    return set()


def swallows_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler) or not all(isinstance(step, ast.Pass) for step in node.body):
        return False
    return node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}


def is_cli(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("command" in ast.unparse(d) or "group" in ast.unparse(d) for d in node.decorator_list)


def test_every_room_has_its_tests() -> None:
    rooms = {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()} - {"testing"}
    tested = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir()}
    assert rooms <= tested, f"no tests for {sorted(rooms - tested)}"


def test_the_project_names_no_other_place() -> None:
    """Documents and code speak of the project alone: no absolute path of a machine it was built on."""
    suspicious = re.compile(r"/work/|/root/|/home/\w+")
    texts = [p for p in ROOT.rglob("*") if p.suffix in {".py", ".md", ".toml", ".yaml", ".c"} and p.is_file()]
    mine = [p for p in texts if not NOT_OURS & set(p.relative_to(ROOT).parts) and p != Path(__file__)]
    assert len(mine) > 20
    for path in mine:
        assert not suspicious.search(path.read_text(errors="replace")), f"{path} names a place on some machine"
