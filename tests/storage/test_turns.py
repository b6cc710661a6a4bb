"""Whose turn it is: one process at a time, the next where it falls silent."""

from pilothouse.storage import Store
from pilothouse.storage.turns import Turn

from .conftest import Clock


def test_one_has_the_turn_until_it_falls_silent(store: Store, clock: Clock) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    other = Turn(store.control, "work", seconds=30, clock=clock)
    assert one.take()
    assert not other.take()
    clock.forward(20)
    assert one.take()
    clock.forward(29)
    assert not other.take()
    clock.forward(2)
    assert other.take()
    assert not one.take()


def test_a_turn_that_is_given_up_is_free_and_names_do_not_mix(store: Store, clock: Clock) -> None:
    one = Turn(store.control, "work", seconds=30, clock=clock)
    other = Turn(store.control, "work", seconds=30, clock=clock)
    assert one.take()
    assert Turn(store.control, "else", seconds=30, clock=clock).take()
    other.end()
    assert not other.take()
    one.end()
    assert other.take()
