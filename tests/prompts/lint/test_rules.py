"""The table of docs/prompt-linting.md: each rule finds its bad example and nothing in its good one."""

import re
from pathlib import Path
from typing import Any

import pytest

from pilothouse.prompts.content import content_of
from pilothouse.prompts.lint.cost import Limits
from pilothouse.prompts.lint.linter import RULES, Linter, draft_of
from pilothouse.prompts.lint.pricing import ModelPricing

PAGE = Path(__file__).parents[3] / "docs" / "prompt-linting.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text().splitlines() if re.match(r"\| P\d{3} ", line)
]  # fmt: skip
PRICING = ModelPricing()


def codes_in(example: str) -> set[str]:
    """What is found in an example as the page writes it."""
    limits: dict[str, Any] = {}
    content: dict[str, Any] = {}
    if (said := re.search(r" \(variables: (\w+)\)$", example)) is not None:
        content["variables"] = {said[1]: {}}
    if (said := re.search(r" \((?:(gpt\S+), )?--max-(tokens|cost) ([\d.]+)\)$", example)) is not None:
        content["model"] = said[1]
        limits = {"tokens": int(said[3])} if said[2] == "tokens" else {"nano": round(float(said[3]) * 1e9)}
    text = re.sub(r" \((?:variables|gpt|--max).*\)$", "", example).replace("¶", "\n")
    text = text.replace("(1,200 words of instructions)", "Answer what is asked. " * 400)
    messages = re.split(r"^(system|user): ", text, flags=re.MULTILINE)[1:]
    pairs = zip(messages[::2], messages[1::2], strict=True)
    content["template"] = [{"role": role, "content": said} for role, said in pairs] or text
    report = Linter(pricing=PRICING, limits=Limits(**limits)).lint(draft_of(content_of(content)))
    return {finding.code for finding in report.findings}


def test_the_page_has_every_rule_as_it_is() -> None:
    assert [row[:3] for row in ROWS] == [[rule.code, rule.name, rule.severity] for rule in RULES]


@pytest.mark.parametrize(("code", "bad", "good"), [(row[0], row[3], row[4]) for row in ROWS], ids=[r[0] for r in ROWS])
def test_a_rule_finds_its_bad_example_alone(code: str, bad: str, good: str) -> None:
    assert code in codes_in(bad)
    assert code not in codes_in(good)
