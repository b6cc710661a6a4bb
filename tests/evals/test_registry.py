from pilothouse.evals.registry import DEFAULTS, Evaluators


def test_every_dimension_has_an_evaluator_that_is_there() -> None:
    there = Evaluators()
    for name in DEFAULTS.values():
        assert there.kind(name).needs is not None
