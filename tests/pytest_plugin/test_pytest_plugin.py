"""The plugin as pytest loads it: sync and async tests, xdist, JUnit, runs that are kept."""

import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

from pilothouse.pytest_plugin import asserting, ledger
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns

pytest_plugins = ["pytester"]

LOADED = asserting, ledger
"""Before pytester notes which modules there are: it forgets those of a session, and numpy cannot be loaded again."""

TESTS = """
    import asyncio
    import itertools

    import pytest

    ANSWERS = itertools.cycle(["Paris", "Paris", "Lyon", "Paris"])

    @pytest.mark.eval(evaluators=["exact"], suite="capitals")
    def test_right(assert_eval):
        (verdict,) = assert_eval("Paris", input="Capital of France?", expected="Paris")
        assert verdict.score == 1

    @pytest.mark.eval(evaluators=["exact"], suite="capitals")
    def test_wrong(assert_eval):
        assert_eval("Lyon", input="Capital of France?", expected="Paris", context=["Paris is the capital."])

    @pytest.mark.eval(trials=4, pass_rate=0.7, evaluators=["exact"], suite="capitals")
    def test_often(assert_eval):
        assert_eval(next(ANSWERS), expected="Paris")

    @pytest.mark.eval(trials=4, pass_rate=0.8)
    async def test_too_seldom(assert_eval):
        await asyncio.sleep(0)
        await assert_eval.aio(next(ANSWERS), "exact", expected="Paris")

    @pytest.mark.eval(trials=3)
    def test_without_evaluators():
        assert True

    @pytest.mark.eval(evaluators=["faithfulness"])
    def test_judged(assert_eval):
        raise SystemError("this costs money and is not to run")

    def test_without_a_mark(assert_eval):
        assert_eval("Paris", ["exact", {"use": "length", "maximum": 1}], expected="Paris")

    def test_other():
        pass
"""


@pytest.fixture
def home(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the platform of the tests that are run."""
    monkeypatch.setenv("PILOTHOUSE_HOME", str(pytester.path / "home"))
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    return pytester.path / "home"


def test_what_passes_fails_and_is_skipped(pytester: pytest.Pytester, home: Path) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("-rs", "--junitxml=report.xml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, failed=3, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*the output does not pass",
            "*exact: not passed, score 0",
            "*The output is not 'Paris'.",
            "*input:*Capital of France?",
            "*output:*Lyon",
            "*expected:*Paris",
            "*context:*Paris is the capital.*",
            "3 of 4 trials passed; asked for was a pass rate of 0.8; it is 0.75 (0.30 to 0.95, Wilson 95 %)",
            "trial 3: failed: the output does not pass",
            "*evaluation: capitals*",
            "evaluator*mean (95 %)*passes (95 %)",
            "exact * 6 *",
            "*::test_often x4 * 0.750 (0.301 to 0.954)",
            "SKIPPED*test_what_passes*No judge model is set for faithfulness: name one by --eval-judge*",
        ]
    )
    assert not home.exists(), "rules need no platform"
    told = xml.etree.ElementTree.parse(pytester.path / "report.xml")
    often = told.find(".//testcase[@name='test_often']/properties")
    assert often is not None
    properties = {one.get("name"): one.get("value") for one in often}
    assert properties["eval_pass_rate"] == properties["eval_score.exact"] == "0.7500"
    assert (properties["eval_trials"], properties["eval_passed"], properties["eval_untold"]) == ("4", "3", "0")


def test_strict_means_no_skips(pytester: pytest.Pytester, home: Path) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.eval(evaluators=["faithfulness"])
        def test_judged(assert_eval):
            raise SystemError

        def test_skipped_at_the_end(assert_eval):
            assert_eval("Paris", "exact", input="What?")
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(skipped=2)
    result = pytester.runpytest_inprocess("--eval-strict")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*could not be judged: No judge model*", "*could not be judged: The case has no 'exp*"]
    )


def test_a_run_is_kept_from_several_processes(pytester: pytest.Pytester, home: Path) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("--eval-run", "main", "-n", "1", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, failed=3, skipped=1)
    result.stdout.fnmatch_lines(["*evaluation: capitals*", "kept as run *: pilothouse evals show main"])
    store = open_store(Settings(home=home))
    runs = EvalRuns(store)
    (capitals,) = runs.list("default", suite="capitals").runs
    (others,) = runs.list("default", suite="pytest").runs
    outcomes = list(runs.each("default", capitals.id))
    store.close()
    assert (capitals.name, capitals.status, capitals.kind, capitals.done) == ("main", "done", "unit", 6)
    assert (capitals.cases, capitals.trials, capitals.cost_nano) == (3, 4, 0)
    assert capitals.plan["suite"]["evaluators"] == [{"use": "exact"}]
    assert capitals.summary is not None
    assert capitals.summary["metrics"]["exact"]["n"] == 6
    assert sorted((one.case.id.rpartition("::")[2], one.trial) for one in outcomes) == [
        ("test_often", 0), ("test_often", 1), ("test_often", 2), ("test_often", 3), ("test_right", 0), ("test_wrong", 0)
    ]  # fmt: skip
    assert others.plan["tests"]["test_a_run_is_kept_from_several_processes.py::test_too_seldom"]["pass_rate"] == "0.8"


def test_cases_of_a_file(pytester: pytest.Pytester, home: Path) -> None:
    (pytester.path / "cases.jsonl").write_text(
        '{"id": "fr", "input": "France?", "expected": "Paris"}\n{"id": "it", "input": "Italy?", "expected": "Rome"}\n'
    )
    pytester.makepyfile(
        """
        import msgspec, pytest

        @pytest.mark.eval(data="cases.jsonl", evaluators=["exact"])
        def test_capital(eval_case, assert_eval):
            assert_eval(msgspec.structs.replace(eval_case, output="Paris"))
        """
    )
    result = pytester.runpytest_inprocess("-v")
    result.stdout.fnmatch_lines(["*::test_capital?fr? PASSED*", "*::test_capital?it? FAILED*"])
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.eval(data="away.jsonl")
        def test_away(eval_case):
            pass

        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*data='away.jsonl'*cannot be read*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_session_without_evaluation_loads_nothing(tmp_path: Path) -> None:
    """Marks of others by the same name included."""
    (tmp_path / "test_plain.py").write_text(
        "import sys\nimport pytest\n\n"
        "@pytest.mark.eval(name='theirs')\n"
        "def test_theirs():\n    pass\n\n"
        "@pytest.mark.eval\n"
        "def test_plain():\n"
        "    loaded = [name for name in sys.modules if name.startswith('pilothouse')]\n"
        "    assert loaded == ['pilothouse', 'pilothouse.pytest_plugin']\n"
        "    import pilothouse.errors\n"
        "    assert 'Rewriting' not in type(pilothouse.errors.__loader__).__name__\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "evaluation" not in done.stdout
