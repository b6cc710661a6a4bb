"""The page of the models: how they are routed, and how their deployments are doing."""

from pathlib import Path

from pilothouse.call import Call, Span
from pilothouse.config import Resilience
from pilothouse.errors import ProviderUnavailable, RateLimited

from ..site import Gateway, gateway


def test_aliases_in_words(site: Gateway) -> None:
    page = site.page("/models")
    for text in (
        "latency", "exact, 60 s, per project; semantic in shadow from 0.9", "64 at once", "careful",
        "team ml, over 20,000 tokens → fast", "$0 / $0", "$2.5 / $10", "unknown", "not asked yet",
        'href="/console/traces?model=openai/made-up"',
    ):  # fmt: skip
        assert text in page, text


def test_the_state_of_deployments(site: Gateway) -> None:
    health = site.platform.health
    now, often = health.clock(), Resilience()
    echo, other = health.of("builtin/echo"), health.of("other")
    echo.streamed.add(0.25)
    echo.in_flight = 3
    for _ in range(5):
        other.failed(ProviderUnavailable("down"), now, often)
    page = site.page("/models")
    assert "250 ms" in page
    assert 'class="pill error">open' in page
    assert "5 in a row" in page
    assert "1 of 2 not asked now" in page
    for _ in range(10):
        echo.failed(RateLimited("slow down"), now, often)
        echo.answered(now, often)
    assert 'class="pill warn">busy' in site.page("/models")
    assert "0 %" in site.page("/models")


def test_half_open_is_asked_and_busy_is_not(site: Gateway) -> None:
    health = site.platform.health
    now, fragile = health.clock(), Resilience(failures=1)
    other = health.of("other")
    other.failed(ProviderUnavailable("down"), now, fragile)
    other.back(now)
    page = site.page("/models")
    assert 'class="pill warn">half-open<' in page
    assert "1 half-open: one call at a time" in page
    assert "not asked now" not in page
    other.failed(RateLimited("slow down", retry_after=60), now, fragile)
    page = site.page("/models")
    assert "1 of 2 not asked now" in page
    assert 'class="pill warn">busy<' in page
    assert "half-open" not in page


def test_models_asked_by_name(site: Gateway) -> None:
    site.platform.health.of("openai/o9").streamed.add(1.5)
    page = site.page("/models")
    assert "Asked by name" in page
    assert "openai/o9" in page
    assert "1.50 s" in page


def test_one_alias(site: Gateway) -> None:
    page = site.page("/models/careful")
    assert "openai/made-up" in page
    assert "builtin/echo" not in page
    assert "There is no model" in site.page("/models/none", 404)


def test_no_models(tmp_path: Path) -> None:
    with gateway(tmp_path, "models: {}") as site:
        assert "No models configured" in site.page("/models")
        assert "No model has a cache" in site.page("/cache")
        assert "No budgets yet" in site.page("/budgets")


def test_everything_that_an_alias_may_say(tmp_path: Path) -> None:
    config = """
models:
  a: {deployments: [{provider: builtin, model: echo, when: {tools: false, images: true, keys: [k]}}],
      fallbacks: {rate_limit: [b], cached: true, answer: Sorry}, hedge: {share: 0.1}, shadow: {model: b, share: 0.5}}
  b: {deployments: [{provider: builtin, model: echo}],
      rules: [{when: {language: [de], metadata: {tier: free}, tokens_under: 9}, use: a}, {when: {}, use: a}]}
  c: {strategy: complexity, simple: a, complex: b, threshold: 0.4}
"""
    with gateway(tmp_path, config) as site:
        page = site.page("/models")
    for text in (
        "key k, without tools, with images", "On rate limit", "a cached answer past its time", "“Sorry”",
        "after its p95, at most 10% of the calls", "50.0% of the calls to b",
        "tier = free, language de, under 9 tokens → a", "always → a", "a where simple, b where complex, from 0.4 on",
    ):  # fmt: skip
        assert text in page, text


SHADOWED = """
models:
  fast: {deployments: [{provider: builtin, model: echo}], shadow: {model: new}}
  new: {deployments: [{provider: builtin, model: echo}]}
  quiet: {deployments: [{provider: builtin, model: echo}], shadow: {model: new}}
"""


def compared(site: Gateway, candidate: str, agrees: bool, *, fails: bool = False, cost: int | None = 3_000) -> None:
    """A live call of `fast` and its mirrored one, as gateway.shadow records them."""
    call = Call(site.platform.recorder)
    with call.step("chat fast", "llm") as (_, inner):
        span: Span = inner.start(f"shadow {candidate}", "evaluator")
        span.operation, span.request_model, span.status = "shadow", "fast", "error" if fails else "ok"
        span.attributes |= {
            "shadow": True, "shadow_alias": "fast", "shadow_model": candidate, "shadow_agrees": agrees,
            "shadow_cosine": 0.5, "shadow_overlap": 0.5, "shadow_length_ratio": 1.5, "live_latency_us": 500_000,
            "shadow_latency_us": 250_000, "live_cost_nano": 9_000, "shadow_cost_nano": cost,
        }  # fmt: skip
        inner.finish(span)


def test_what_shadow_traffic_showed(tmp_path: Path) -> None:
    with gateway(tmp_path, SHADOWED) as site:
        compared(site, "new", agrees=True)
        compared(site, "new", agrees=True)
        compared(site, "new", agrees=False)
        compared(site, "new", agrees=False, fails=True)
        compared(site, "<older>", agrees=False, cost=None)
        site.platform.drainer.flush()
        page = " ".join(site.page("/models").split())
        assert page.count("Shadow traffic") == page.count("No call was mirrored in the last 7 days.") == 1
        older, new = page.split("Shadow traffic")[1].split("</table>")[0].split("<tr>")[2:]
        for text in (
            'n">4<',
            'bad">1<',
            "<b>67 %</b>",
            "9.4 % to 99 %",
            "× 1.50",
            "500 ms → 250 ms",
            "$0.009000 → $0.003000",
        ):
            assert text in new, text
        for text in ("&lt;older&gt;", "no longer mirrored", "<b>0 %</b>", "unknown"):
            assert text in older, text
        assert "Shadow traffic" in site.page("/models/fast")
        assert "Shadow traffic" not in site.page("/models/new")


def test_a_project_sees_its_own_shadow_traffic(tmp_path: Path) -> None:
    with gateway(tmp_path, SHADOWED, project="other") as site:
        compared(site, "new", agrees=True)
        site.platform.drainer.flush()
        assert "Shadow traffic" not in site.page("/models")


def test_whose_breakers_these_are(tmp_path: Path, site: Gateway, migrated_url: str) -> None:
    assert "as this process sees them" in site.page("/models")
    (tmp_path / "shared").mkdir()
    with gateway(tmp_path / "shared", SHADOWED, database_url=migrated_url) as shared:
        for path in ("/models", "/models/fast"):
            assert f"as process {shared.platform.process} sees them; others have their own" in shared.page(path)
