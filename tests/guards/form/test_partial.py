import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pilothouse.guards.form.growing import NOTHING, Growing
from pilothouse.guards.form.partial import Partials, partial_of


class Item(BaseModel):
    name: str
    price: Annotated[float, Field(gt=0)]


class Order(BaseModel):
    title: str
    kind: Literal["small", "large"]
    items: list[Item]
    by: dict[str, Item] = {}
    note: str | None = None
    count: int = Field(ge=10, alias="howMany", default=10)


def after(text: str) -> Order:
    growing = Growing()
    growing.feed(text)
    made: Order = partial_of(Order, growing.grown)
    return made


def test_fields_are_there_once_they_are_whole_and_texts_while_they_are_written() -> None:
    assert after("{").title is None
    assert after('{"title": "An or').title == "An or"
    assert after('{"title": "An order", "kind": "sm').kind is None
    order = after('{"title": "T", "kind": "small", "items": [{"name": "a", "price": 1}, {"name": "b", "price": 12')
    assert order.items[0] == Item(name="a", price=1)
    assert order.items[1].name == "b"
    assert order.items[1].price is None
    assert order.model_fields_set == {"title", "kind", "items"}
    assert after('{"by": {"x": {"name": "y').by["x"].name == "y"
    assert after('{"note": "wor').note == "wor"


def test_what_is_not_as_the_model_wants_it_is_not_there() -> None:
    assert after('{"kind": "huge", "t": 1').kind is None
    assert after('{"howMany": 3, "t": 1').count == 10
    assert after('{"howMany": 12, "t": 1').count == 12
    assert after('{"items": [{"name": "a", "price": -1}, {"name": "b", "price": 2}], "t": 1').items is None


def test_all_parts_together_cost_a_bounded_number_of_readings() -> None:
    value = {"title": "x" * 200, "items": [{"name": f"n{n}", "price": n + 1} for n in range(2000)]}
    text = json.dumps(value)
    partials, told, size = Partials(), 0, 0
    for sign in text:
        found = partials.feed(sign)
        if found is not NOTHING:
            told += 1
            size += len(json.dumps(found)) if told % 50 == 0 else 0
    assert 64 < told < 64 * 14  # once for every 64th more, of the length so far


def test_plain_values_come_without_a_model_and_end_where_the_text_breaks() -> None:
    partials = Partials()
    parts: list[Any] = [partials.feed(piece) for piece in ('{"a', '": "b', 'c"', " nonsense", '"d": 1}')]
    assert parts == [{}, {"a": "b"}, {"a": "bc"}, NOTHING, NOTHING]
