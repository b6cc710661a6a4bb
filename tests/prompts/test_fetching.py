import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.prompts.fetching import fetch_of
from pilothouse.prompts.registry import Prompts
from tests.prompts.conftest import ANA, Make


def test_a_reference_is_looked_up_when_it_is_asked_for(prompts: Prompts, make: Make) -> None:
    fetch = fetch_of(prompts, "default")
    make("tone", "dry")
    make("tone", "warm")
    prompts.promote("default", "tone", 1, by=ANA)
    assert [fetch(name).number for name in ("tone", "tone#production", "tone@2", "tone#latest")] == [1, 1, 2, 2]
    prompts.promote("default", "tone", 2, by=ANA)
    assert fetch("tone").number == 2
    with pytest.raises(NotFound):
        fetch("away")
    with pytest.raises(InvalidRequest):
        fetch("tone@first")
