"""How the tests of evaluators ask one, and how those of production put spans into the store."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store
from pilothouse.testing.record import new_call

Write = Callable[[Iterable[Span]], None]


class Judge:
    """Asks an evaluator about a case made of these fields, without any model unless there are `models`."""

    def __call__(
        self, evaluator: Evaluator, output: str = "", *, models: Models | None = None, **fields: Any
    ) -> Verdict:
        case = Case(id="1", output=output, **{"input": "What is it?", **fields})
        return asyncio.run(evaluator.evaluate(case, models or Models(make_call=new_call)))


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def write(store: Store, settings: Settings) -> Iterable[Write]:
    spool = Spool.open(settings.home, 2**26)
    drainer = Drainer(spool, store, settings.home)
    recorder = SpoolRecorder(spool, drainer.wake)

    def record(spans: Iterable[Span]) -> None:
        for span in spans:
            recorder.record(span)
        drainer.flush()

    yield record
    drainer.stop()
    spool.close()
