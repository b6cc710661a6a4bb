"""Evaluation in pytest: `@pytest.mark.eval`, `assert_eval`, trials with a bound, runs that are kept.

pytest loads this at every start wherever Pilothouse is installed, so it imports nothing but pytest; everything else is
loaded by the first test that evaluates.
"""

import difflib
import importlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pilothouse.cases import Case
    from pilothouse.pytest_plugin.asserting import AssertEval
    from pilothouse.pytest_plugin.ledger import Ledger
    from pilothouse.pytest_plugin.marks import EvalMark
    from pilothouse.pytest_plugin.session import Session
    from pilothouse.pytest_plugin.trials import Trials

__all__ = ["assert_eval", "eval_case"]

_SESSION = pytest.StashKey["Session"]()
_TRIALS = pytest.StashKey["Trials"]()
_BODY = pytest.StashKey[Any]()
_FOUND = "pilothouse_eval"
_ARGUMENTS = ("trials", "pass_rate", "evaluators", "judge", "suite", "data")
_MARK = (
    "eval(trials=1, pass_rate=1.0, evaluators=[], judge=None, suite='pytest', data=None): evaluate what the test gives "
    "to assert_eval; run its body `trials` times and ask for a pass rate, as 0.8 or '0.8 ci'."
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    _spare(pluginmanager)
    group = parser.getgroup("eval", "evaluation of LLM applications (pilothouse)")
    group.addoption("--eval-run", metavar="NAME", help="Keep what is found as an eval run of this name.")
    group.addoption("--eval-judge", metavar="MODEL", help="The model that judges, where a test names none.")
    group.addoption("--eval-project", metavar="ID", default="default", help="The project of the run and of its calls.")
    group.addoption("--eval-max-cost", metavar="USD", type=float, help="What judges may cost, in each process.")
    group.addoption("--eval-fresh", action="store_true", help="Ask judges again what they were asked before.")
    group.addoption("--eval-strict", action="store_true", help="What could not be judged fails: no test is skipped.")
    parser.addini("eval_judge", "The model that judges, where neither a test nor the command line names one.", "string")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)
    if not hasattr(config, "workerinput"):  # workers of xdist send their reports home
        config.pluginmanager.register(_Home(config), "pilothouse_home")
        if (project := config.getoption("--eval-project")) != "default":
            _part("session").demand_project(project)


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_SESSION, None)
    if session is not None:
        del config.stash[_SESSION]
        session.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the fixture `eval_case` runs once for each case of its data."""
    marker = metafunc.definition.get_closest_marker("eval")
    if marker is not None and marker.kwargs.get("data") and "eval_case" in metafunc.fixturenames:
        try:
            cases = _part("marks").cases_of(marker.kwargs["data"], metafunc.definition.path)
        except pytest.UsageError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        metafunc.parametrize("eval_case", cases, ids=[case.id for case in cases], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("eval")
    if not isinstance(item, pytest.Function) or not ("assert_eval" in item.fixturenames or _ours(marker)):
        return
    mark, wrong = _read(marker)
    if mark is None:
        pytest.fail(wrong, pytrace=False)
    strict = item.config.getoption("--eval-strict")
    if why := _session(item.config).lacking(mark.evaluators, mark.judge):  # before anything is paid for
        if strict:
            pytest.fail(f"could not be judged: {why}", pytrace=False)
        item.add_marker(pytest.mark.skip(reason=why))
    trials: Trials = _part("trials").Trials(item.nodeid, mark, strict)
    item.stash[_TRIALS], item.stash[_BODY] = trials, item.obj
    item.obj = trials.repeated(item.obj)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and _BODY in item.stash:
        item.obj = item.stash[_BODY]
        del item.stash[_BODY], item.stash[_TRIALS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test found goes with its report: into JUnit's file, to the terminal, home from a worker of xdist."""
    trials = item.stash.get(_TRIALS, None) if call.when == "call" else None
    if trials is not None:
        item.user_properties += trials.properties()
    report = yield
    if trials is not None:
        setattr(report, _FOUND, trials.packed())
    return report


@pytest.fixture
def assert_eval(request: pytest.FixtureRequest) -> "AssertEval":
    """Judge an output, or a whole case, and fail with what the evaluators say unless all of them pass.

    `assert_eval(output, ["exact"], input=..., expected=..., context=[...])`; without evaluators those of the mark.
    Returns the verdicts. `assert_eval.aio(...)` is the same, awaited.
    """
    made: AssertEval = _part("asserting").AssertEval(_session(request.config), request.node.stash[_TRIALS])
    return made


@pytest.fixture
def eval_case(request: pytest.FixtureRequest) -> "Case":
    """The case of the mark's `data` for which the test runs."""
    if not hasattr(request, "param"):
        raise pytest.UsageError("eval_case needs a data file: @pytest.mark.eval(data='cases.jsonl').")
    case: Case = request.param
    return case


class _Home:
    """Where reports arrive: in the process that the terminal belongs to."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ledger: Ledger | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = getattr(report, _FOUND, None)
        if found is None:
            return
        if self._ledger is None:
            option = self._config.getoption
            self._ledger = _part("ledger").Ledger(option("--eval-run"), option("--eval-project"))
        self._ledger.add(found)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._ledger is not None and not self._ledger.finish() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        if self._ledger is not None:
            self._ledger.tell(terminalreporter)


def _spare(pluginmanager: pytest.PytestPluginManager) -> None:
    """Import this package as it is. pytest marks all modules of a plugin's distribution, so that the assertions in them
    are rewritten: for some 600 modules that takes seconds, and nobody reads those assertions."""
    hook = getattr(pluginmanager, "rewrite_hook", None)
    marked = getattr(hook, "_must_rewrite", None)  # no public way leads there; without it all is only slower
    if isinstance(marked, set):
        marked.discard("pilothouse")
        getattr(hook, "_marked_for_rewrite_cache", {}).clear()


def _session(config: pytest.Config) -> "Session":
    if _SESSION not in config.stash:
        judge = config.getoption("--eval-judge") or config.getini("eval_judge") or None
        config.stash[_SESSION] = _part("session").Session(
            judge, config.getoption("--eval-project"), most_usd=config.getoption("--eval-max-cost"),
            fresh=config.getoption("--eval-fresh"),
        )  # fmt: skip
    return config.stash[_SESSION]


def _ours(marker: pytest.Mark | None) -> bool:
    """Whether a mark asks for anything here. Others mark tests as `eval`, too, some with arguments of their own."""
    return marker is not None and any(difflib.get_close_matches(name, _ARGUMENTS, n=1) for name in marker.kwargs)


def _read(marker: pytest.Mark | None) -> "tuple[EvalMark | None, str]":
    try:
        return _part("marks").mark_of(marker), ""
    except pytest.UsageError as error:
        return None, str(error)


def _part(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
