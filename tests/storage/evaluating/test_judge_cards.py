"""Cards of judges are kept once per judge and criterion."""

import pytest

from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.storage import Store
from pilothouse.storage.evaluating.judge_cards import JudgeCards, NewCard


def card(criterion: str = "clarity", model: str = "gpt-4o", **more: object) -> NewCard:
    given = {"labelled": 7, "kappa": 0.5, "low": 0.25, "body": {"criterion": criterion, "é": [1, None]}, **more}
    return NewCard(model=model, kind="llm_judge", options="abc", criterion=criterion, **given)  # type: ignore[arg-type]


def test_the_newest_card_takes_the_place_of_the_one_before(store: Store) -> None:
    cards = JudgeCards(store, iter(range(1, 99)).__next__)
    first, other = cards.put("default", [card(), card("", kappa=None, low=None)])
    (again,) = cards.put("default", [card(labelled=70)])
    assert (again.id, again.made_us, other.kappa) == (first.id, 2, None)
    assert cards.get("default", first.id) == again
    assert [one.criterion for one in cards.of("default", "gpt-4o", "llm_judge", "abc")] == ["", "clarity"]
    assert cards.of("default", "gpt-4", "llm_judge", "abc") == cards.of("other", "gpt-4o", "llm_judge", "abc") == []
    cards.delete("default", first.id)
    for act in (cards.get, cards.delete):
        with pytest.raises(NotFound, match="no judge card"):
            act("default", first.id)


def test_pages(store: Store) -> None:
    cards = JudgeCards(store)
    kept = cards.put("default", [card(model=f"m{i}") for i in range(5)])
    page = cards.list("default", limit=3)
    rest = cards.list("default", after=page.next, limit=3)
    assert [*page.cards, *rest.cards] == sorted(kept, key=lambda one: one.id)
    assert rest.next is None
    assert cards.list("other").cards == []


@pytest.mark.parametrize("name", ["\0", "x" * 513], ids=["control", "long"])
def test_names_that_cannot_be_kept(store: Store, name: str) -> None:
    with pytest.raises(InvalidRequest, match="criterion"):
        JudgeCards(store).put("default", [card(name)])
    assert JudgeCards(store).put("default", []) == []
