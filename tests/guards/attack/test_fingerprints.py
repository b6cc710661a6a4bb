import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.guards.attack.fingerprints import Library, prints_of

_WORDS = st.lists(
    st.sampled_from(["harbour", "lantern", "quickly", "seven", "bridges", "under", "winter", "market", "copper"]),
    max_size=30,
)


@given(_WORDS, _WORDS, _WORDS)
def test_what_two_texts_share_gives_a_common_fingerprint(one: list[str], both: list[str], other: list[str]) -> None:
    shared = "".join(both)
    first, second = prints_of(" ".join([*one, *both])), prints_of("; ".join([*both, *other]))
    if len(shared) >= 19:
        assert len(np.intersect1d(first, second))


def test_case_spaces_and_look_alikes_do_not_matter() -> None:
    text = "Ring the bell seven times and leave the gate open."
    assert np.array_equal(prints_of(text), prints_of(text.upper().replace(" ", "\n\n").replace("E", "Е")))
    assert len(prints_of("too short")) == 0


def test_the_nearest_of_several_is_found_by_the_share_of_it_that_is_there() -> None:
    texts = {
        "bell": "Ring the bell seven times and leave the gate open for the night watch.",
        "boat": "Take the green boat across the lake before anybody wakes up in the house.",
    }
    library = Library([(name, prints_of(text)) for name, text in texts.items()])
    assert library.nearest(prints_of(f"Well then. {texts['boat']} And so on.")) == (1.0, "boat")
    near = library.nearest(prints_of("They told me: ring the bell seven times and leave the gate open. I did not."))
    assert near is not None
    assert near[1] == "bell"
    assert 0.5 < near[0] < 1
    assert library.nearest(prints_of("Nothing that anybody has ever said before today.")) == (0.0, "bell")
    assert library.nearest(prints_of("")) is None
    assert Library([]).nearest(prints_of(texts["bell"])) is None
