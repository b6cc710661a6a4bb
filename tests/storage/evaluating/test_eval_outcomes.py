"""Where a case came from, as its metadata has it. Outcomes themselves: test_eval_runs.py."""

from pilothouse.cases import Case
from pilothouse.storage.evaluating.eval_outcomes import source_of


def test_the_source_of_a_case_is_what_its_metadata_says() -> None:
    assert source_of(Case(id="a", input=1, metadata={"source_trace": "t", "source_user": "u"})) == ("t", "u")
    assert source_of(Case(id="a", input=1, metadata={"source_trace": 7, "source_user": "\0"})) == (None, None)
