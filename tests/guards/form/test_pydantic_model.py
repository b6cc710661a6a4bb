import datetime

import pytest
from pydantic import BaseModel, Field

from pilothouse.errors import ConfigError
from pilothouse.guards.form.pydantic_model import Pydantic, PydanticForm
from pilothouse.protocols import Subject


class Event(BaseModel):
    title: str = Field(min_length=2)
    day: datetime.date
    seats: list[int] = []


def test_the_value_is_the_object() -> None:
    formed = PydanticForm(Event).read('```\n{"title": "Fair", "day": "2026-11-28"}\n```')
    assert formed.value == Event(title="Fair", day=datetime.date(2026, 11, 28))
    assert formed.mended == ("extracted",)
    assert PydanticForm(list[Event]).read('[{"title": "Fair", "day": "2026-11-28"}]').value[0].title == "Fair"


def test_problems_have_their_places() -> None:
    formed = PydanticForm(Event).read('{"title": "F", "seats": [1, "two"]}')
    told = [str(one) for one in formed.problems]
    assert told == [
        '/title: expected String should have at least 2 characters, but it is "F"',
        'the answer: expected the key "day", but it is not there',
        '/seats/1: expected a valid integer, unable to parse string as an integer, but it is "two"',
    ]


async def test_a_model_is_found_by_its_import_path() -> None:
    guard = Pydantic(model="pilothouse.guarding:GuardUse")
    assert (await guard.check(Subject('{"use": "pii"}', "output"))).status == "passed"
    assert "/use" in (await guard.check(Subject('{"use": 1}', "output"))).correction


@pytest.mark.parametrize(
    "path", ["pilothouse", "pilothouse.none:A", "pilothouse.guarding:None_", "pilothouse.ids:new_id"]
)
def test_what_is_no_model_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"pydantic\.model"):
        Pydantic(model=path)
