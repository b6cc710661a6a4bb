"""The shape of the code: what STYLE asks of files, functions, names and folders, counted."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pilothouse"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts)
IDS = [str(p.relative_to(PACKAGE)) for p in FILES]

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_DEPTH = 2
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core"}
NOT_OURS = {".venv", ".venv-interop", "build", "dist", ".git"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|raise NotImplementedError)\b")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES, f"{path} has two subjects"
    for function in functions(ast.parse(text)):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= MAX_FUNCTION_LINES, f"{path}:{function.lineno} {function.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_names_say_something_and_folders_stay_flat(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert not FORBIDDEN & set(parts), f"{path}: a name that says nothing"
    assert len(parts) - 1 <= MAX_DEPTH, f"{path}: folders deeper than {MAX_DEPTH}"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_modules_say_their_duty_and_leave_nothing_open(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    assert not UNFINISHED.search(text), f"{path} is unfinished"
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            pytest.fail(f"{path}:{node.lineno} changes a global")
        if isinstance(node, ast.ExceptHandler) and all(isinstance(step, ast.Pass) for step in node.body):
            broad = node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
            assert not broad, f"{path}:{node.lineno} swallows every error"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_public_classes_and_functions_of_exported_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    exported = exported_names(tree)
    for node in tree.body:
        named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name in exported
        if named and path.name != "errors.py":
            assert ast.get_docstring(node) or is_cli(node), f"{path}:{node.lineno} {node.name} has no docstring"


def exported_names(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets):
            return {element.value for element in node.value.elts}  # type: ignore[attr-defined]
    return set()


def is_cli(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("command" in ast.unparse(d) or "group" in ast.unparse(d) for d in node.decorator_list)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_modules_say_what_they_export(path: Path) -> None:
    tree = ast.parse(path.read_text())
    public = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert exported_names(tree) or not public or path.name == "__main__.py", f"{path} has no __all__"


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
