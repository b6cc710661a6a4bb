"""Parts of a run that do worse."""

from pilothouse.cases import Case
from pilothouse.evals.reports.slicing import cut_by, shared


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


def test_no_slices_of_nothing() -> None:
    assert shared({}) == ((), {})
