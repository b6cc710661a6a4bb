"""The page of the caches, and purging them."""

import asyncio
from pathlib import Path

import pytest

from pilothouse.cache import Fragment
from pilothouse.cache.shadow import Comparison
from pilothouse.types import Usage

from ..site import Gateway, gateway


def keep(site: Gateway, alias: str, number: int, project: str = "default") -> None:
    for i in range(number):
        asyncio.run(site.platform.caches.entries.put(f"{project}\n{alias}\nx{i}", b"answer", 60))


def count(site: Gateway, alias: str, **counts: int) -> None:
    for what, number in counts.items():
        for _ in range(number):
            site.platform.caches.count("default", alias, what)


def test_rates(site: Gateway) -> None:
    keep(site, "fast", 3)
    count(site, "fast", lookups=10, exact=4, coalesced=1, semantic=2, stored=3)
    page = site.page("/cache")
    assert "<b>70 %</b>" in page
    assert '<rect class="exact" x="0.0" width="400.0"' in page
    assert '<rect class="coalesced" x="400.0" width="100.0"' in page
    assert '<rect class="semantic" x="500.0" width="200.0"' in page
    assert "<dt>Entries</dt><dd>3</dd>" in page
    assert "careful" not in page


def test_the_providers_own_caches(site: Gateway) -> None:
    assert "Prompt caches of the providers" not in site.page("/cache")
    site.platform.caches.prompts.note("openai/gpt-4o", Usage(input_tokens=1000, cached_tokens=640))
    page = site.page("/cache")
    assert "openai/gpt-4o" in page
    assert "<b>64 %</b>" in page


def test_models_in_this_process_have_no_provider_cache(tmp_path: Path) -> None:
    config = """
providers: {openai: {api_key: sk-written-out}}
models:
  fast: {deployments: [{provider: builtin, model: echo, name: "openai/mine"}]}
  careful: {deployments: [{provider: openai, model: gpt-4o, name: builtin-like}]}
"""
    with gateway(tmp_path, config) as site:
        note = site.platform.caches.prompts.note
        for name in ("openai/mine", "builtin/extractive", "rag/docs", "gone"):
            note(name, Usage(input_tokens=1000))
        assert "Prompt caches of the providers" not in site.page("/cache")
        note("builtin-like", Usage(input_tokens=1000))
        note("openai/o9", Usage(input_tokens=1000))
        table = site.page("/cache").split("Prompt caches of the providers")[1]
        assert table.count("<tr>") == 3
        assert "builtin-like" in table
        assert "openai/o9" in table


def test_an_alias_that_is_no_longer_cached(site: Gateway) -> None:
    count(site, "careful", lookups=1)
    assert "no longer cached" in site.page("/cache")


def test_the_estimate_of_false_hits(site: Gateway) -> None:
    assert "nothing compared yet" in site.page("/cache")
    shadows = site.platform.caches.shadows
    for i in range(20):
        shadows.looked_up("default", "fast", hit=i < 10)
        shadows.compared("default", "fast", Comparison(cosine=1.0, overlap=1.0, numbers=i > 0))
    page = site.page("/cache")
    assert "10 of 20 (50 %)" in page
    assert "5.0 % " in page
    assert "95 % sure: 0.1 % to 25 %" in page


def test_one_alias_is_purged_after_a_question(site: Gateway) -> None:
    keep(site, "fast", 3)
    keep(site, "careful", 2)
    keep(site, "fast", 1, project="shop")
    question = "/cache/purge?alias=fast"
    assert "Forget the cached answers of &#39;fast&#39;?" in site.page(question)
    assert asyncio.run(site.platform.caches.stats()).entries == 6
    answer = site.send("/cache/purge", question, alias="fast")
    assert answer.headers["location"] == "/console/cache?purged=3"
    assert "3 entries forgotten" in site.page("/cache?purged=3")
    assert asyncio.run(site.platform.caches.stats()).entries == 3
    entry = site.platform.audit.list("default")[0]
    assert (entry.action, entry.subject, entry.source, entry.after) == (
        "cache.purge", "cache:fast", "console", {"forgotten": 3},
    )  # fmt: skip


def test_a_whole_project_is_purged_and_no_other(site: Gateway) -> None:
    keep(site, "fast", 3)
    keep(site, "fast", 1, project="shop")
    assert site.send("/cache/purge").headers["location"] == "/console/cache?purged=3"
    assert asyncio.run(site.platform.caches.stats()).entries == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 200)])
def test_editors_purge(site: Gateway, role: str, status: int) -> None:
    site.act_as(role)  # type: ignore[arg-type]
    site.page("/cache/purge", status)
    assert ("Forget" in site.page("/cache")) == (status == 200)
    assert site.client.post("/console/cache/purge", data={"alias": ""}).status_code == 403


async def keep_parts(site: Gateway, *parts: Fragment) -> None:
    for part in parts:
        await site.platform.caches.fragments.find(part)
        await site.platform.caches.fragments.keep(part, b"1", 60)
        await site.platform.caches.fragments.find(part)


def test_fragments_by_section_are_shown_and_forgotten(site: Gateway) -> None:
    assert "Fragments" not in site.page("/cache")
    names = [("default", "<b>greeting"), ("default", "farewell"), ("shop", "theirs")]
    asyncio.run(keep_parts(site, *(Fragment.of(*name) for name in names)))
    page = site.page("/cache")
    table = page.split("Fragments")[1]
    assert "<bdi>&lt;b&gt;greeting</bdi>" in table
    assert "<b>50 %</b>" in table
    assert "theirs" not in page
    question = "/cache/purge?section=%3Cb%3Egreeting"
    assert question in table
    assert "Forget the fragments of &#39;&lt;b&gt;greeting&#39;?" in site.page(question)
    answer = site.send("/cache/purge", question, section="<b>greeting")
    assert answer.headers["location"] == "/console/cache?purged=1"
    assert asyncio.run(site.platform.caches.stats()).entries == 2
    entry = site.platform.audit.list("default")[0]
    assert (entry.action, entry.subject, entry.after) == ("cache.purge", "fragments:<b>greeting", {"forgotten": 1})
    assert "1 entry forgotten" in site.page("/cache?purged=1")
