from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.citing import Citation

CONTEXT = ("The pump holds 12 litres. It was built in 1987 by Ada\u2019s firm.", "Close the valve first, then drain.")


@pytest.mark.parametrize(
    ("output", "score", "why"),
    [
        ("It holds 12 litres [1]. Close the valve [2].", 1.0, ""),
        ("It holds 12 litres [1, 3].", 0.5, "[3] is none of the 2 passages"),
        ("It holds 12 litres [1-9].", 2 / 3, "[3] is none"),
        ("It holds 12 litres [0].", 0.0, "[0] is none"),
        ("It holds 12 litres.", 0.0, "cites nothing"),
        ("They say \u201cclose the  Valve first\u201d [2].", 1.0, ""),
        ('They say "built in 1987 by Ada\'s ... firm." [1].', 1.0, ""),
        ('They say "the pump ... built in 1987" [1].', 1.0, ""),
        ('They say "built in 1987 ... the pump" [1].', 0.5, '"built in 1987 ... the pump" is in no passage'),
        ('They say "it holds 15 litres" [1].', 0.5, "is in no passage"),
        ('The "main valve" [2].', 1.0, ""),
    ],
)
def test_markers_and_quotations(judge: Any, output: str, score: float, why: str) -> None:
    verdict = judge(Citation(), output, context=CONTEXT)
    assert verdict.score == pytest.approx(score)
    assert verdict.passed is (score == 1.0)
    assert why in verdict.explanation


def test_what_is_looked_at_can_be_set(judge: Any) -> None:
    assert judge(Citation(required=False), "No marker.", context=CONTEXT).passed
    assert judge(Citation(quoted_words=0), 'The "never said by anyone" [1].', context=CONTEXT).passed
    assert not judge(Citation(quoted_words=2), 'The "main valve" [2].', context=CONTEXT).passed


def test_without_context_it_is_skipped(judge: Any) -> None:
    assert judge(Citation(), "It is [1].").status == "skipped"


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"citation.quoted_words"):
        Citation(quoted_words=-1)
