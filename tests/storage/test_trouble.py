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


def raised(kind: type[Exception], text: str) -> Exception:
    try:
        raise kind(text)
    except kind as error:
        return error


def test_an_error_is_new_by_its_kind_and_place_whatever_it_says() -> None:
    trouble = Trouble(logging.getLogger("of.the.test"))
    seen = [trouble.is_new(raised(kind, text)) for kind, text in ((KeyError, "1"), (KeyError, "2"), (OSError, "2"))]
    assert seen == [True, False, True]
    with pytest.raises(KeyError) as elsewhere:
        raise KeyError("1")
    assert trouble.is_new(elsewhere.value)
    trouble.over()
    assert trouble.is_new(raised(KeyError, "1"))
    assert trouble.is_new(KeyError("never raised"))
