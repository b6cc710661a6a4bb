"""What holds for every evaluator that there is."""

import asyncio
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.cases import Case, Step, Verdict
from pilothouse.evals.registry import DEFAULTS, Evaluators
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.testing.record import new_call

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "format": [{"form": form} for form in ("non_empty", "one_line", "markdown", "json")],
    "json_schema": [{"schema": {"type": "object", "patternProperties": {"a": {"pattern": "b"}}}}, {"schema": {}}],
    "regex": [{"pattern": r"\w+"}, {"pattern": "a", "match": "never"}],
    "length": [{"maximum": 5, "unit": unit} for unit in ("characters", "words", "tokens")],
    "keywords": [{"keywords": ["a", "b c"], "match": match} for match in ("all", "any", "none")],
    "blocklist": [{"phrases": ["a"]}],
    "links": [{"hosts": ["example.com"]}, {"relative": True}],
    "citation": [{"required": False, "quoted_words": 1}],
    "tool_calls": [{"arguments": how} for how in ("exact", "subset", "schema", "ignore")],
    "trajectory": [{"match": "distance", "arguments": "exact"}, {"arguments": "schema"}],
    "task_completion": [
        {},
        {"state": "output"},
        {"state": "last_result", "rules": {"/a": {"at_least": 1, "contains": "b", "length": 1}, "": {"exists": True}}},
    ],
    "bleu": [{"tokenize": how} for how in ("13a", "intl", "char", "none")],
    "chrf": [{"words": True}],
    "rouge": [{"kind": kind} for kind in ("rouge1", "rouge2", "rougeL", "rougeLsum")],
    "embedding_similarity": [{"to": to} for to in ("expected", "question", "context")],
    "numbers": [{"which": "any"}, {"decimal": ","}],
    "pii": [{}, {"ignore_given": True}],
    "g_eval": [{"criteria": "It is polite."}],
    "jury": [{"models": ["a", "b"]}],
    "knowledge_base": [{"corpus": "docs"}],
}
"""Options of those that need some, or have ways of their own worth trying."""

TEXT = st.text() | st.text(alphabet="a1 .,[](){}|`\"'#-\n\u201c\ud800:/@", max_size=60) | st.characters()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=2)
CALLS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"arguments": JSON, "result": JSON}), max_size=4
)
CASES = st.builds(
    Case,
    id=st.just("1"),
    input=JSON,
    output=TEXT,
    expected=JSON | CALLS,
    context=st.lists(TEXT, max_size=3).map(tuple),
    steps=st.lists(
        st.builds(Step, st.sampled_from("abc"), st.dictionaries(st.text(max_size=4), JSON, max_size=2), JSON),
        max_size=4,
    ).map(tuple),
    metadata=OBJECTS | st.fixed_dictionaries({"state": JSON}),
    latency_s=st.none() | st.floats(),
    cost_nano=st.none() | st.integers() | st.just(10**400),
)


class Hashing:
    """A vector for every text, the same each time."""

    async def __call__(self, texts: Sequence[str]) -> Any:
        rows = [np.random.default_rng(len(text)).normal(size=8) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32).reshape(-1, 8)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def token_vectors(self, texts: Sequence[str]) -> list[Any]:
        return [await self(text.split()) for text in texts]


REFERENCE = "".join(page.read_text() for page in sorted((Path(__file__).parents[2] / "docs").rglob("*.md")))
BARE = Models(make_call=new_call)
ENCODING = Models(make_call=new_call, encode=Hashing())
NAMES = Evaluators().names()
EVALUATORS = [Evaluators().from_config(name, options) for name in NAMES for options in OPTIONS.get(name, [{}])]


def test_the_built_ins_come_in_by_entry_points() -> None:
    assert set(OPTIONS) <= set(NAMES)


@settings(max_examples=40, deadline=None)
@given(case=CASES)
def test_whatever_the_case_there_is_a_verdict(case: Case) -> None:
    for evaluator, verdict in asyncio.run(asked(case)):
        assert isinstance(verdict, Verdict), evaluator
        assert verdict.evaluator == evaluator.name
        assert verdict.score is None or math.isfinite(verdict.score)
        assert verdict.passed is not False or verdict.explanation, evaluator


async def asked(case: Case) -> list[tuple[Evaluator, Verdict]]:
    return [(one, await one.evaluate(case, models)) for one in EVALUATORS for models in (BARE, ENCODING)]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_does_and_its_name_can_be_chosen(name: str) -> None:
    kind = Evaluators().kind(name)
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")
    default = next(field.default for field in dataclasses.fields(kind) if field.name == "name")
    assert default == name


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_name_it_and_its_options(name: str) -> None:
    kind = Evaluators().kind(name)
    assert f"`{name}`" in REFERENCE
    for field in dataclasses.fields(kind):
        assert f"`{field.name}`" in REFERENCE, field.name


@pytest.mark.parametrize("dimension", DEFAULTS)
def test_a_dimension_has_an_evaluator_that_needs_no_option(dimension: Any) -> None:
    assert Evaluators().from_config(DEFAULTS[dimension]).name == DEFAULTS[dimension]
