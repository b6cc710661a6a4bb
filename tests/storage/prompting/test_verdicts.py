from dataclasses import replace

import pytest

from pilothouse.errors import NotFound
from pilothouse.storage import Store
from pilothouse.storage.prompting.verdicts import KeptVerdict, Verdicts

ONE = KeptVerdict(
    "v1",
    "a/b",
    2,
    "production",
    1,
    "rule",
    "d",
    3,
    "run",
    "before",
    False,
    "ada",
    2**45,
    {"reasons": ["It got worse."]},
)


def test_what_was_decided_is_found_by_version_and_rule(store: Store) -> None:
    verdicts = Verdicts(store.control)
    first = replace(ONE, id="v0", against=None, dataset_id=None, dataset_version=None, baseline_run_id=None)
    each = [first, ONE, replace(ONE, id="v2", version=3, passed=True), replace(ONE, id="v3", rule="other")]
    for one in each:
        verdicts.put("default", one)
    verdicts.put("shop", replace(ONE, id="v9"))
    assert verdicts.newest("default", "a/b", 2, "rule") == ONE
    assert verdicts.newest("default", "a/b", 4, "rule") is None
    assert [one.id for one in verdicts.list("default", "a/b", limit=3)] == ["v3", "v2", "v1"]
    assert [one.id for one in verdicts.list("default", "a/b", before="v1")] == ["v0"]
    assert [one.id for one in verdicts.list("default", "a/b", version=3)] == ["v2"]
    assert verdicts.get("default", "v0") == first
    assert ONE.to_json()["reasons"] == ONE.reasons == ["It got worse."]
    for missing in ("v9", "v\0"):
        with pytest.raises(NotFound):
            verdicts.get("default", missing)
