from hypothesis import given
from hypothesis import strategies as st

from pilothouse.agents.labels import DOCUMENT, USER, Label, Trust, joined

LABELS = st.builds(Label, st.sampled_from(Trust), st.frozensets(st.sampled_from("abc")))


@given(st.lists(LABELS))
def test_a_join_is_as_bad_as_the_worst_and_forgets_no_origin(labels: list[Label]) -> None:
    made = joined(labels)
    assert made.trust == max((one.trust for one in labels), default=Trust.TRUSTED)
    assert made.origins == frozenset().union(*(one.origins for one in labels))
    assert joined([*labels, *labels]) == made


def test_a_typed_value_is_data_and_no_better_than_that() -> None:
    assert DOCUMENT.as_data() == Label(Trust.DATA, frozenset(["document"]))
    assert USER.as_data() == USER
    assert str(DOCUMENT | USER) == "document, user"
    assert DOCUMENT.as_data().outside
