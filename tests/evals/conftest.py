"""How the tests of evaluators ask one."""

import asyncio
from typing import Any

import pytest

from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.testing.record import new_call


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
