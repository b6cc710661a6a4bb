"""What is said about configurations that hold and still go wrong."""

import textwrap
from pathlib import Path

import pytest

from pilothouse.lifecycle.sanity import concerns
from pilothouse.settings import Settings
from pilothouse.snapshot import read_config

SOUND = """
providers:
  openai: {api_key: k}
  pool: {kind: openai, base_url: "http://10.0.0.5/v1"}
models:
  fast: {deployments: [{provider: pool, model: m}, {provider: openai, model: gpt-4o}], fallbacks: [smart], hedge: {}}
  smart: {deployments: [{provider: openai, model: gpt-4o}], budgets: [{usd: 5}]}
  auto: {strategy: complexity, simple: fast, complex: smart}
prices:
  - {provider: pool, model: m, input: 1, output: 1}
"""


def told(text: str, settings: Settings | None = None) -> list[str]:
    config = read_config(Path("pilothouse.yaml"), textwrap.dedent(text))
    found = concerns(config, settings or Settings())
    return [f"{'!' if c.grave else ''}{'.'.join(map(str, c.place))}: {c.text}" for c in found]


def test_a_sound_configuration_raises_none() -> None:
    assert told(SOUND) == []


def test_redis_without_its_address() -> None:
    text = "cache: {store: redis}"
    assert told(text) == ["!cache.store: redis needs PILOTHOUSE_REDIS_URL, which is not set"]
    assert told(text, Settings(redis_url="redis://x")) == []


def test_patterns_that_are_none() -> None:
    assert told('privacy: {projects: {hr: {patterns: {odd: "(a"}}}}') == [
        "!privacy.projects.hr.patterns.odd: is no regular expression: missing ) at position 2."
    ]
    assert told('privacy: {patterns: {fine: "a+"}, redact: [email]}') == []


D = "{provider: builtin, model: echo}"


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (
            f"a: {{deployments: [{D}], fallbacks: [b]}}\n  b: {{deployments: [{D}], fallbacks: {{server: [a]}}}}",
            ["models.a.fallbacks: come back to itself: a -> b -> a", "models.b.fallbacks: come back to itself: b -> a"],
        ),
        (
            f"a: {{strategy: complexity, simple: b, complex: a}}\n  b: {{deployments: [{D}]}}",
            ["!models.a.strategy: comes back to itself: a -> a"],
        ),
        (
            f"a: {{deployments: [{D}], rules: [{{when: {{}}, use: b}}]}}\n  b: {{deployments: [{D}]}}",
            ["models.a.rules.0.when: always holds: the deployments are never reached"],
        ),
        (
            f"a: {{deployments: [{D}], rules: [{{when: {{tokens_over: 9, tokens_under: 9}}, use: b}}]}}\n"
            f"  b: {{deployments: [{D}]}}",
            ["models.a.rules.0.when: never holds"],
        ),
        (
            "a: {deployments: [{provider: builtin, model: echo, when: {tools: true}}]}",
            ["models.a.deployments: each has a condition"],
        ),
        (
            f"a: {{deployments: [{D}, {D}]}}",
            [
                "models.a.deployments.0: 'builtin/echo' is there twice",
                "models.a.deployments.1: 'builtin/echo' is there",
            ],
        ),
        (f"a: {{deployments: [{D}], hedge: {{}}}}", ["models.a.hedge: has no second deployment"]),
        (f"a: {{deployments: [{D}], fallbacks: {{cached: true}}}}", ["models.a.fallbacks.cached: finds nothing"]),
        (f"a: {{deployments: [{D}], output: {{default: 9, cap: 5}}}}", ["models.a.output.default: is above cap: 5"]),
        (f"a: {{deployments: [{D}], shadow: {{model: a}}}}", ["models.a.shadow.model: is the alias itself"]),
        (
            "a: {deployments: [{provider: builtin, model: echo, timeout: 1, first_token_timeout: 2}]}",
            ["models.a.deployments.0.first_token_timeout: is longer than timeout"],
        ),
        (
            "a: {deployments: [{provider: builtin, model: echo, weight: 0}]}",
            ["models.a.deployments: all have weight 0"],
        ),
    ],
)
def test_ways_that_can_hardly_be_meant(models: str, expected: list[str]) -> None:
    found = told(f"models:\n  {models}\n")
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_prices_that_never_count() -> None:
    found = told(
        """
        providers: {openai: {api_key: k}, pool: {kind: openai, base_url: "http://10.0.0.5/v1"}}
        prices:
          - {provider: opnai, model: m, input: 1, output: 1}
          - {provider: self-hosted, model: m, input: 1, output: 1}
          - {provider: pool, model: m, input: 1, output: 1, valid_from: 2026-02-01, valid_until: 2026-01-01}
          - {provider: pool, model: n, input: 1, output: 1, valid_until: 2020-01-01}
          - {provider: pool, model: n, input: 1, output: 1}
        """
    )
    assert [line.partition(", nor")[0] for line in found] == [
        "prices.0.provider: no provider is called 'opnai'",
        "prices.2.valid_until: is before valid_from: the price never holds",
        "prices.3.valid_until: has passed: the price holds no more",
        "prices.4: prices.3 is for the same model from the same day: one of them is lost",
    ]


@pytest.mark.parametrize("budget", ["users: {budgets: [{usd: 5}]}", "unpriced: allow\nusers: {budgets: [{usd: 5}]}"])
def test_a_budget_in_usd_over_what_has_no_price(budget: str) -> None:
    text = 'providers: {pool: {kind: openai, base_url: "http://10.0.0.5/v1"}}\n'
    found = told(f"{text}models: {{a: {{deployments: [{{provider: pool, model: m}}]}}}}\n{budget}\n")
    assert [line.partition(":")[0] for line in found] == ([] if "allow" in budget else ["!models.a.deployments.0"])
