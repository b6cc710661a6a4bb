from typing import Literal

import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.form.pattern import Regex
from pilothouse.protocols import Subject

Match = Literal["somewhere", "whole", "never"]


@pytest.mark.parametrize(
    ("pattern", "match", "text", "status"),
    [
        (r"\d{3}", "somewhere", "call 123 now", "passed"), (r"\d{3}", "somewhere", "call 12", "triggered"),
        (r"\d+|x", "whole", "123", "passed"), (r"\d+|x", "whole", "123 y", "triggered"),
        (r"\d+", "whole", "123\n4", "triggered"), ("(?i)secret", "never", "a SECRET", "triggered"),
        ("secret", "never", "none", "passed"), ("^a$", "whole", "\ud800", "triggered"),
    ],
)  # fmt: skip
async def test_a_pattern_matches_somewhere_as_a_whole_or_never(
    pattern: str, match: Match, text: str, status: str
) -> None:
    assert (await Regex(pattern=pattern, match=match).check(Subject(text, "output"))).status == status


async def test_what_is_around_is_left_out() -> None:
    guard = Regex(pattern="[A-Z]{3}-[0-9]+", match="whole")
    for text in ("```\nABC-1\n```", ' "ABC-1"\n', "`ABC-1`"):
        assert (await guard.check(Subject(text, "output"))).repaired == "ABC-1"
    assert (await guard.check(Subject("It is ABC-1", "output"))).repaired is None


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1", "(a{1000}){1000}"])
def test_patterns_whose_time_has_no_bound_are_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"regex\.pattern"):
        Regex(pattern=pattern)
