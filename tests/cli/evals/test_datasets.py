"""`pilothouse evals datasets` over a real store."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pilothouse.call import Span
from pilothouse.cli.context import Context
from pilothouse.cli.evals.datasets import datasets
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.observe import Traces
from pilothouse.settings import Settings

from ..conftest import spooled
from ..spooled import Spooled

__all__ = ["spooled"]

Run = Callable[..., str]


@pytest.fixture
def run(spooled: Spooled, tmp_path: Path) -> Run:
    """Runs a command and gives what it printed; raises what it raised. A word with a brace is a line of a file."""
    spooled.traces = Traces(spooled.store)  # type: ignore[attr-defined]
    context = Context(Settings(home=tmp_path / "home"), lambda settings, **_: spooled)  # type: ignore[arg-type, return-value]

    def command(*arguments: object, code: int = 0) -> str:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(datasets, [*map(str, arguments)], obj=context)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cases.jsonl"
    path.write_text('{"id": "a", "input": "q1", "expected": "yes"}\n{"id": "b", "input": "Q1 ", "expected": "no"}\n')
    return path


def test_a_dataset_from_a_file_and_back(run: Run, file: Path, tmp_path: Path) -> None:
    assert "No datasets" in run("list")
    with pytest.raises(NotFound):
        run("import", "d", file)
    assert run("import", "d", file, "--create") == "Version 1: 2 added.\n"
    assert run("import", "d", file) == "Nothing changed; the newest version is 1.\n"
    assert "d" in run("list").splitlines()[1].split()
    assert json.loads(run("list", "--json"))[0]["items"] == 2
    shown = run("show", "d")
    assert "(none) 2" in shown
    assert json.loads(run("show", "d", "--json"))["newest"]["note"] == "from cases.jsonl"
    assert "2 items of version 1." in run("export", "d", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == file.read_text().replace('": "', '":"').replace('", "', '","')
    assert run("export", "d", "-").startswith('{"id":"a","input":"q1"')
    file.write_text('{"input": "x"}\n{"question": 1, "inptu": 2}\n{"a": 1}\n')
    with pytest.raises(InvalidRequest, match=r"cases\.jsonl, line 3: `input` is missing"):
        run("import", "d", file)
    assert "write it as" in run("import", "d", file, "--column", "input", code=2)


def test_items_are_added_changed_compared_and_removed(run: Run, file: Path) -> None:
    run("create", "d", "--description", "for tests")
    with pytest.raises(Conflict, match="already"):
        run("create", "d")
    run("import", "d", file, "--note", "first")
    assert run("add", "d", "--input", "q2", "--split", "test", "--context", "p", "--id", "c") == "Version 2: 1 added.\n"
    changed = run("add", "d", "--id", "a", "--input", '{"q": 1}', "--expected", "[1]", "--parse", "--base", 2, "--json")
    assert json.loads(changed)["changed"] == 1
    with pytest.raises(Conflict, match="is 3, not 2"):
        run("add", "d", "--input", "x", "--base", 2)
    assert "no JSON" in run("add", "d", "--input", "x", "--parse", code=2)
    assert "needs --input, or --trace" in run("add", "d", "--id", "new", code=2)
    assert "Say --input, or --trace" in run("add", "d", "--input", "x", "--trace", "last", code=2)
    items = json.loads(run("items", "d", "--json"))
    assert [item["id"] for item in items] == ["a", "b", "c"]
    assert "--after" in run("items", "d", "--limit", 1)
    assert [line.split()[0] for line in run("items", "d", "--split", "test").splitlines()] == ["id", "c"]
    told = run("diff", "d")
    assert told.splitlines()[:2] == ["2 to 3: 0 added, 1 changed, 0 removed.", "~ a  1"]
    assert '    expected: "yes" -> [1]' in told
    assert json.loads(run("diff", "d", 0, 2, "--json"))["added"] == 3
    assert run("add", "d", "--id", "c", "--expected", "e", "--metadata", '{"m": 1}') == "Version 4: 1 changed.\n"
    assert json.loads(run("items", "d", "--split", "test", "--json"))[0] | {"hash": "", "since": 0} == {
        **items[2], "expected": "e", "metadata": {"m": 1}, "hash": "", "since": 0
    }  # fmt: skip
    assert run("remove", "d", "b", "c") == "Version 5: 2 removed.\n"
    with pytest.raises(NotFound, match="'x'"):
        run("remove", "d", "x")
    assert [row["number"] for row in json.loads(run("versions", "d", "--json"))] == [5, 4, 3, 2, 1]
    assert "first" in run("versions", "d")
    assert "is archived" in run("archive", "d")
    assert "No datasets" in run("list")
    assert "d" in run("list", "--archived")
    assert "back in the list" in run("archive", "d", "--undo")


def test_traces_become_items(run: Run, spooled: Spooled) -> None:
    for i in range(3):
        spooled.record(
            Span(
                trace_id=f"{i:032x}", id=f"{i:016x}", project_id="default", name="chat", kind="llm",
                start_us=1_750_000_000_000_000 + i, end_us=1_750_000_000_000_001 + i, user_id="ada",
                status="error" if i == 1 else "ok", output={"text": "an answer"},
                input={"messages": [{"role": "user", "content": f"mail a{i}@b.org"}]},
            )
        )  # fmt: skip
    run("create", "d")
    assert "Version 1: 1 added." in run("add", "d", "--trace", "last", "--expected", "a better one", "--id", "one")
    (item,) = json.loads(run("items", "d", "--json"))
    assert (item["id"], item["expected"], item["source_trace"]) == ("one", "a better one", f"{2:032x}")
    assert item["metadata"]["output"] == {"text": "an answer"}
    assert "1 of 1 traces." in run("sample", "d", "--status", "error", "--scrub")
    assert "mail [email]" in run("items", "d")
    assert "2 of 3 traces." in run("sample", "d", "--how", "stratified", "--by", "status", "--most", 2)


def test_work_on_all_of_it(run: Run, file: Path) -> None:
    run("import", "d", file, "--create")
    assert run("dedupe", "d") == "Version 2: 1 removed.\n"
    assert run("split", "d", "train=0.5", "test=0.5") == "Version 3: 1 changed.\n"
    assert run("scrub", "d", "--pattern", "LETTER=q") == "Version 4: 1 changed.\n"
    assert run("scrub", "d") == "Nothing changed; the newest version is 4.\n"
    assert "written as train=0.8" in run("split", "d", "train", code=2)
    assert "no kind of personal data" in run("scrub", "d", "--redact", "mail", code=2)
    with pytest.raises(InvalidRequest, match="add up to 1"):
        run("split", "d", "train=0.5")


def test_a_project_that_does_not_exist_is_refused_by_whatever_takes_one(run: Run) -> None:
    for command in (("create", "zz"), ("list",)):
        with pytest.raises(NotFound, match="There is no project 'nosuch'"):
            run(*command, "--project", "nosuch")
