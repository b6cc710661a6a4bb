import pytest

from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.templates.reading import Shelf, read_template


def test_what_was_read_is_kept_until_its_room_is_full() -> None:
    shelf = Shelf(room=1000)
    first = shelf.get("{{ a }}", "jinja")
    assert shelf.get("{{ a }}", "jinja") is first
    assert shelf.get("{{ a }}", "mustache") is not first
    shelf.get("{{ a }}" + "x" * 500, "jinja")
    assert shelf.get("{{ a }}", "jinja") is first
    shelf.get("{{ b }}" + "x" * 500, "jinja")
    assert shelf.weight <= 1000
    assert shelf.get("{{ a }}", "jinja") is first
    shelf.get("y" * 990, "jinja")
    assert shelf.weight == 0
    assert shelf.get("{{ a }}", "jinja") is not first


def test_what_cannot_be_read_is_not_kept() -> None:
    shelf = Shelf(room=1000)
    with pytest.raises(TemplateRefused):
        shelf.get("{{", "jinja")
    assert shelf.weight == 0
    with pytest.raises(InvalidRequest, match=r"There is no syntax 'erb'. There are: jinja, mustache, format."):
        read_template("", "erb")
    with pytest.raises(TemplateRefused, match="half of a surrogate pair"):
        read_template("\udc00", "format")
