from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.access.lockouts import Lockouts
from pilothouse.config import Lockout
from pilothouse.errors import TooManyRequests

RULES = Lockout(triggers=2, within=60, seconds=[10, 100], forget=1000)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _wait(lockouts: Lockouts, user: Any = "eve") -> float | None:
    try:
        lockouts.check("default", user, RULES)
    except TooManyRequests as error:
        return error.retry_after
    return None


def test_each_lock_is_longer_until_it_is_forgotten(clock: Clock) -> None:
    lockouts = Lockouts(clock)
    found = []
    for _ in range(3):
        assert not lockouts.strike("default", "eve", RULES)
        assert lockouts.strike("default", "eve", RULES)
        found.append(_wait(lockouts))
        assert _wait(lockouts, "ada") is None
        clock.now += found[-1] or 0
        assert _wait(lockouts) is None
    assert found == [10, 100, 100]
    clock.now += 1001
    lockouts.strike("default", "eve", RULES)
    lockouts.strike("default", "eve", RULES)
    assert _wait(lockouts) == 10


def test_strikes_far_apart_lock_nobody_out(clock: Clock) -> None:
    lockouts = Lockouts(clock)
    for _ in range(5):
        assert not lockouts.strike("default", "eve", RULES)
        clock.now += 60
    lockouts.strike("default", "eve", RULES)
    assert not lockouts.strike("shop", "eve", RULES), "each project has its own users"
    assert _wait(lockouts) is None


@pytest.mark.parametrize("seconds", [[], [60, 0], [-1]])
def test_a_lock_lasts_for_some_time(seconds: list[float]) -> None:
    with pytest.raises(ValidationError, match="above 0"):
        Lockout(seconds=seconds)


def test_nobody_and_no_rules_lock_nobody_out(clock: Clock) -> None:
    lockouts = Lockouts(clock)
    for user, rules in ((None, RULES), ("", RULES), ("eve", None)):
        assert [lockouts.strike("default", user, rules) for _ in range(5)] == [False] * 5
        lockouts.check("default", user, rules)
