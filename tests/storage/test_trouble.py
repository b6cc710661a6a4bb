"""A problem that goes on is told once."""

import logging

import pytest

from pilothouse.storage.trouble import Trouble


def test_a_problem_is_told_when_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(logging.getLogger("of.the.test"))
    trouble.over()
    for _ in range(3):
        trouble.note("%s is away", "it")
        trouble.note("it starts")
    trouble.over()
    trouble.note("%s is away", "it")
    assert caplog.messages == ["it is away", "it starts", "it is away"]


def test_what_says_something_else_each_time_is_told_some_times(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(logging.getLogger("of.the.test"))
    for number in range(1000):
        trouble.note("attempt %d", number)
    assert len(caplog.messages) == 50
