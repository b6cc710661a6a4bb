from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.rules.form import Format, markdown_faults


@pytest.mark.parametrize(
    ("form", "output", "passed"),
    [
        ("non_empty", "a", True),
        ("non_empty", " \n\t", False),
        ("one_line", "a line\n", True),
        ("one_line", "two\nlines", False),
        ("json", '{"a": [1]}', True),
        ("json", "{'a': 1}", False),
        ("json", "NaN", False),
        ("json", "", False),
        ("json", '```json\n{"a": 1}\n```', False),
        ("json", "[" * 100_000, False),
        ("json", '"\ud800"', False),
    ],
)
def test_forms(judge: Any, form: Any, output: str, passed: bool) -> None:
    verdict = judge(Format(form=form), output)
    assert (verdict.passed, verdict.score) == (passed, float(passed))
    assert bool(verdict.explanation) is not passed


def test_json_in_a_fence(judge: Any) -> None:
    assert judge(Format(form="json", fenced=True), '```json\n{"a": 1}\n```').passed
    assert judge(Format(form="json", fenced=True), '{"a": 1}').passed
    assert not judge(Format(form="json", fenced=True), "Here:\n```json\n{}\n```").passed


GOOD = """\
# Title

Some **bold** text with a [link](https://example.com) and `code`.

- item
1. first

> quoted

| a | b |
|---|:-:|
| 1 | 2 |
| 3 |

```python
# not a heading | a | b | c |
```
"""


def test_markdown_has_its_elements() -> None:
    assert not markdown_faults(GOOD, ("heading", "list", "numbered_list", "table", "code", "quote", "link", "bold"))
    assert markdown_faults("```\n# in code\n```", ("heading",)) == ["It has no heading."]
    assert markdown_faults("a | b\nc | d", ("table",)) == ["It has no table."]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("text\n```python\nx = 1", "The code fence of line 2 is not closed."),
        ("````\n```\n", "The code fence of line 1 is not closed."),
        ("| a | b |\n|---|---|\n| 1 | 2 | 3 |", "Line 3 has 3 cells in a table of 2 columns."),
    ],
)
def test_broken_markdown(text: str, fault: str) -> None:
    assert markdown_faults(text) == [fault]


def test_escaped_bars_are_no_cells() -> None:
    assert not markdown_faults("| a | b |\n|---|---|\n| x \\| y | 2 |")


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match=r"format.elements: are those of Markdown"):
        Format(elements=("table",))
    with pytest.raises(ConfigError, match=r"format.fenced"):
        Format(form="markdown", fenced=True)
