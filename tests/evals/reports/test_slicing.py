"""Parts of a run that do worse."""

from pilothouse.cases import Case
from pilothouse.evals.reports.slicing import cut_by, falls, shared


def test_keys_lead_into_metadata_and_input() -> None:
    cases = [
        Case(
            id=str(n),
            input={"lang": "de" if n % 2 else "en"},
            metadata={"a": {"b": n % 2}, "tags": ["x", "y"][: n % 3]},
        )
        for n in range(60)
    ]
    found = cut_by(
        cases, ["input.lang", "metadata.a.b", "tags", "input.lang.deeper"], [float(n % 2) for n in range(60)]
    )
    assert {(one.key, one.value) for one in found.worst_first} == {
        ("input.lang", "de"), ("input.lang", "en"), ("metadata.a.b", "0"), ("metadata.a.b", "1"), ("tags", "x"),
        ("tags", "y"),
    }  # fmt: skip


def test_a_case_falls_into_the_slices_that_it_was_counted_in() -> None:
    case = Case(id="1", input={"lang": "de"}, metadata={"size": 7, "urgent": True, "tags": ["x", "y"], "share": 0.25})
    told = [("input.lang", "de"), ("size", "7"), ("metadata.size", "5 to 7"), ("urgent", "true"), ("tags", "y"),
            ("share", "0.2 to 0.25")]  # fmt: skip
    assert all(falls(case, key, value) for key, value in told)
    wrong = [("input.lang", "en"), ("size", "8 to 9"), ("urgent", "0 to 2"), ("tags", "z"), ("none", "x"),
             ("size", "a to b"), ("input.lang.deeper", "de")]  # fmt: skip
    assert not any(falls(case, key, value) for key, value in wrong)


def test_no_slices_of_nothing() -> None:
    assert shared({}) == ((), {})
