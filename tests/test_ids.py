from hypothesis import given
from hypothesis import strategies as st

from pilothouse.ids import content_hash, new_id, time_us_of


def test_ids_are_version_7_and_unique() -> None:
    made = {new_id() for _ in range(2000)}
    assert len(made) == 2000
    for identifier in made:
        assert len(identifier) == 32
        assert identifier[12] == "7"
        assert identifier[16] in "89ab"


@given(st.integers(0, 2**48 * 1000 - 1))
def test_ids_carry_their_time_and_sort_by_it(at_us: int) -> None:
    assert time_us_of(new_id(at_us)) == at_us // 1000 * 1000
    assert new_id(at_us) < new_id(at_us + 1) or at_us == 2**48 * 1000 - 1


def test_content_hash_ignores_the_order_of_keys_alone() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})
    assert len(content_hash({})) == 16
