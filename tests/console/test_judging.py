"""Forms that judge, as scores."""

import pytest

from pilothouse.console.forms import Fields
from pilothouse.console.judging import judgement
from pilothouse.errors import InvalidRequest
from pilothouse.principal import Principal

ADA = Principal("default", "key", "admin", name="Ada")


def form(**fields: str) -> Fields:
    return Fields({name: [value] for name, value in fields.items()})


def test_a_thumb_a_number_and_a_label() -> None:
    thumb = judgement(form(thumb="up", comment="Short"), ADA, trace="t")
    assert (thumb.name, thumb.kind, thumb.value, thumb.comment, thumb.author) == (
        "feedback",
        "boolean",
        1,
        "Short",
        "Ada",
    )
    number = judgement(form(name="tone", value="0.25"), ADA, trace="t", span="s")
    assert (number.kind, number.value, number.label, number.span_id) == ("numeric", 0.25, None, "s")
    label = judgement(form(name="language", value="English"), ADA, session="c")
    assert (label.kind, label.value, label.label, label.session_id) == ("categorical", None, "English", "c")


def test_one_voice_for_each_thing() -> None:
    places = ({"trace": "t"}, {"trace": "t", "span": "s"}, {"session": "t"}, {"session": "s"})
    ids = [judgement(form(thumb=way), ADA, **place).id for place in places for way in ("up", "down")]
    assert len(set(ids)) == len(places)


@pytest.mark.parametrize("fields", [{}, {"name": "tone"}, {"thumb": "sideways"}, {"name": "n" * 201, "value": "1"}])
def test_what_judges_nothing(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        judgement(form(**fields), ADA, trace="t")
