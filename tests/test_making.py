from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.shapes import Case, Evaluator, Models, Need, Verdict
from pilothouse.making import Kinds
from pilothouse.plugins import Registry
from pilothouse.testing.record import new_call


@dataclass(frozen=True, kw_only=True)
class Begins(Evaluator):
    needs: ClassVar[frozenset[Need]] = frozenset()

    letters: tuple[str, ...]
    mode: Literal["first", "last"] = "first"
    at_most: float = 1.0
    name: str = "begins"

    def __post_init__(self) -> None:
        if not self.letters:
            raise ConfigError(f"{self.name}.letters: is empty.", param=f"{self.name}.letters")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return Verdict.ok(self.name, passed=case.output.startswith(self.letters))


@pytest.fixture
def evaluators() -> Kinds[Evaluator]:
    return Kinds(Registry("pilothouse.evaluators", {"begins": Begins, "broken": int}), "evaluator", "evaluate")


async def test_an_evaluator_is_made_by_name_and_options(evaluators: Kinds[Evaluator]) -> None:
    evaluator = evaluators.from_config("begins", {"letters": ["a", "b"], "at_most": 2})
    assert evaluator == Begins(letters=("a", "b"), at_most=2.0)
    assert evaluators.from_config("begins", {"letters": ["a"], "name": "a_first"}).name == "a_first"
    verdict = await evaluator.evaluate(Case(id="1", input="", output="bee"), Models(make_call=new_call))
    assert verdict.passed is True


@pytest.mark.parametrize(
    ("options", "param", "message"),
    [
        ({"letter": ["a"]}, "begins.letter", r"is no option. Did you mean 'letters'\? There are: letters, mode"),
        (None, "begins.letters", "is missing"),
        ({"letters": []}, "begins.letters", "is empty"),
        ({"letters": "a"}, "begins.letters", "Expected `array`, got `str`"),
        ({"letters": ["a", 1]}, "begins.letters[1]", "Expected `str`, got `int`"),
        ({"letters": ["a"], "mode": "lst"}, "begins.mode", r"Did you mean 'last'\? There are: first, last"),
        ({"letters": ["a"], 1: 2}, "begins.1", "is no option"),
        (["a"], "begins", "a map of names and values"),
    ],
)
def test_wrong_options_are_told_by_their_key(
    evaluators: Kinds[Evaluator], options: Any, param: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        evaluators.from_config("begins", options)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ")


def test_an_unknown_name_tells_the_nearest(evaluators: Kinds[Evaluator]) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'begins'"):
        evaluators.from_config("begin")


def test_what_is_no_evaluator_is_told(evaluators: Kinds[Evaluator]) -> None:
    with pytest.raises(ConfigError, match="'broken' is no evaluator"):
        evaluators.from_config("broken")
