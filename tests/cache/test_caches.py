"""The caches as the pipeline uses them: exact, shared, semantic, stale, refused, purged, counted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.cache import Caches, Lookup
from pilothouse.cache.memory_store import MemoryStore
from pilothouse.cache.sqlite_store import SqliteStore
from pilothouse.call import Call
from pilothouse.config import DeploymentConfig, ExactCache, Fallbacks, ModelConfig, SemanticCache
from pilothouse.errors import Overloaded, ProviderUnavailable
from pilothouse.principal import Policy, Principal
from pilothouse.testing.hashing import HashingEncoder
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Usage

DEPLOYMENTS = [DeploymentConfig(provider="p", model="m")]
EXACT = ModelConfig(deployments=DEPLOYMENTS, exact_cache=ExactCache(ttl=100))
NEAR = SemanticCache(ttl=100, threshold=0.7)
SEMANTIC = ModelConfig(deployments=DEPLOYMENTS, semantic_cache=NEAR)
USAGE = Usage(3, 4)


class Nowhere:
    def record(self, record: object) -> None: ...


class Clock:
    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        return self.us


class Encoder:
    """Counts of words as vectors, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def __call__(self, texts: Sequence[str]) -> Any:
        if self.down:
            raise Overloaded("busy")
        self.asked += texts
        return HashingEncoder(256).encode(texts)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class Upstream:
    def __init__(self, reason: str = "stop", text: str = "the answer") -> None:
        self.calls = 0
        self.reason = reason
        self.text = text

    async def make(self, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        self.calls += 1
        return self._stream() if request.stream else self._whole()

    async def _whole(self) -> AsyncGenerator[ChatChunk]:
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": self.reason}
        raw = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        yield ChatChunk(msgspec.json.encode(raw), self.text, finish_reason=self.reason, usage=USAGE)

    async def _stream(self) -> AsyncGenerator[ChatChunk]:
        for part, reason in (({"role": "assistant", "content": self.text}, None), ({}, self.reason)):
            await asyncio.sleep(0)
            choice = {"index": 0, "delta": part, "finish_reason": reason}
            raw = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            yield ChatChunk(msgspec.json.encode(raw), self.text if part else "", finish_reason=reason)


def ask(question: str = "what is up", *, system: str = "be kind", **fields: Any) -> ChatRequest:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return ChatRequest.check({"model": "fast", "messages": messages, **fields})


def call(project: str = "p", key: str = "k", control: str = "", *, cache: bool = True, **more: Any) -> Call:
    principal = Principal(project, key, "caller", policy=Policy(cache=cache))
    return Call(Nowhere(), principal, project_id=project, key_id=key, cache_control=control, **more)


async def served(
    caches: Caches, upstream: Upstream, request: ChatRequest, by: Call, model: ModelConfig = EXACT
) -> tuple[str, str]:
    """(text, how), after the steps that the pipeline takes."""
    lookup = caches.look_up(request, by, "fast", model, "r1")
    if lookup is None:
        async with aclosing(await upstream.make(request)) as chunks:
            return "".join([chunk.text async for chunk in chunks]), "none"
    async with aclosing(await lookup.serve(lambda: upstream.make(request))) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    await lookup.store(deployment="p/m", model="m", usage=USAGE, cost_nano=7)
    return text, lookup.how


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(params=["memory", "sqlite"])
async def caches(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, encoder: Encoder
) -> AsyncIterator[Caches]:
    memory = request.param == "memory"
    store = MemoryStore(10**6, clock=clock) if memory else SqliteStore(tmp_path / "cache.db", 10**6, clock=clock)
    caches = Caches(store, encode=encoder, clock=clock)
    yield caches
    await caches.aclose()
    await store.aclose()


async def test_an_alias_without_caches_has_no_look_up(caches: Caches) -> None:
    assert caches.look_up(ask(), call(), "fast", ModelConfig(deployments=DEPLOYMENTS), "r") is None
    assert caches.look_up(ask(), call(), "openai/gpt", None, "r") is None


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
async def test_the_second_identical_call_is_answered_from_the_cache(caches: Caches, first: bool, second: bool) -> None:
    upstream = Upstream()
    assert await served(caches, upstream, ask(stream=first), call()) == ("the answer", "miss")
    assert await served(caches, upstream, ask(stream=second), call(key="other")) == ("the answer", "exact")
    assert upstream.calls == 1
    (counts,) = caches.counts("p")
    assert (counts.lookups, counts.exact, counts.stored) == (2, 1, 1)


async def test_the_answer_knows_where_it_came_from(caches: Caches, clock: Clock) -> None:
    await served(caches, Upstream(), ask(), call())
    lookup = caches.look_up(ask(), call(), "fast", EXACT, "r1")
    assert lookup is not None
    answer = await lookup.find()
    assert answer is not None
    assert (answer.deployment, answer.model, answer.usage, answer.cost_nano) == ("p/m", "m", USAGE, 7)
    assert answer.stored_us == clock.us


async def test_tenants_do_not_share(caches: Caches) -> None:
    upstream = Upstream()
    by_key = EXACT.model_copy(update={"exact_cache": ExactCache(scope="key")})
    for by, model in ((call("p"), EXACT), (call("q"), EXACT), (call(), by_key), (call(key="k2"), by_key)):
        assert (await served(caches, upstream, ask(), by, model))[1] == "miss"
    assert upstream.calls == 4


async def test_an_unnamed_user_is_not_cached_where_users_are_apart(caches: Caches) -> None:
    by_user = EXACT.model_copy(update={"exact_cache": ExactCache(scope="user")})
    assert caches.look_up(ask(), call(), "fast", by_user, "r") is None
    assert caches.look_up(ask(), call(user_id="u"), "fast", by_user, "r") is not None


async def test_entries_end_and_serve_on_as_stale_where_that_is_asked_for(caches: Caches, clock: Clock) -> None:
    model = EXACT.model_copy(update={"fallbacks": Fallbacks(cached=True)})
    upstream = Upstream()
    await served(caches, upstream, ask(), call(), model)
    clock.us += 100_000_000
    lookup = caches.look_up(ask(), call(), "fast", model, "r1")
    assert lookup is not None
    assert await lookup.find() is None
    assert (await lookup.find(stale=True)) is not None
    assert lookup.how == "exact"
    clock.us += int(24 * 3600 * 1e6)
    assert await lookup.find(stale=True) is None


async def test_nothing_is_kept_past_its_ttl_without_that_fallback(caches: Caches, clock: Clock) -> None:
    await served(caches, Upstream(), ask(), call())
    clock.us += 100_000_000
    lookup = caches.look_up(ask(), call(), "fast", EXACT, "r1")
    assert lookup is not None
    assert await lookup.find(stale=True) is None


async def test_cache_control(caches: Caches, clock: Clock) -> None:
    upstream = Upstream()
    assert (await served(caches, upstream, ask(), call(control="no-store")))[1] == "none"
    assert (await served(caches, upstream, ask(), call()))[1] == "miss"
    upstream.text = "a newer answer"
    assert (await served(caches, upstream, ask(), call(control="no-cache")))[1] == "miss"
    clock.us += 50_000_000
    assert await served(caches, upstream, ask(), call(control="max-age=60")) == ("a newer answer", "exact")
    assert (await served(caches, upstream, ask(), call(control="max-age=49")))[1] == "miss"


async def test_a_key_may_opt_out(caches: Caches) -> None:
    assert caches.look_up(ask(), call(cache=False), "fast", EXACT, "r") is None


@pytest.mark.parametrize("stream", [True, False])
async def test_cut_answers_are_not_kept(caches: Caches, stream: bool) -> None:
    upstream = Upstream(reason="length")
    for _ in range(2):
        assert (await served(caches, upstream, ask(stream=stream), call()))[1] == "miss"


async def test_an_answer_that_its_client_did_not_hear_out_is_not_kept(caches: Caches) -> None:
    upstream = Upstream()
    request = ask(stream=True)
    lookup = caches.look_up(request, call(), "fast", EXACT, "r1")
    assert lookup is not None
    async with aclosing(await lookup.serve(lambda: upstream.make(request))) as chunks:
        await anext(chunks)
    await lookup.store()
    assert (await served(caches, upstream, request, call()))[1] == "miss"


async def test_answers_beyond_the_bound_are_not_kept(caches: Caches) -> None:
    caches.largest = 100
    upstream = Upstream()
    for _ in range(2):
        assert (await served(caches, upstream, ask(), call()))[1] == "miss"


async def test_calls_under_way_are_shared(caches: Caches) -> None:
    upstream = Upstream()
    asked = [served(caches, upstream, ask(stream=True), call(key=f"k{n}")) for n in range(5)]
    results = await asyncio.gather(*asked)
    assert upstream.calls == 1
    assert [how for _, how in results] == ["miss"] + ["coalesced"] * 4
    assert {text for text, _ in results} == {"the answer"}
    assert len(caches.flights) == 0


async def test_who_takes_no_degraded_answer_shares_none(caches: Caches) -> None:
    upstream, strict = Upstream(), call()
    strict.degradable = False
    asked = [served(caches, upstream, ask(stream=True), asker) for asker in (call(), strict, call())]
    assert [how for _, how in await asyncio.gather(*asked)] == ["miss", "miss", "coalesced"]


async def test_a_failed_call_is_not_kept(caches: Caches) -> None:
    async def fails() -> AsyncGenerator[ChatChunk]:
        raise ProviderUnavailable("down")
        yield ChatChunk(b"")

    async def make() -> AsyncGenerator[ChatChunk]:
        return fails()

    lookup = caches.look_up(ask(), call(), "fast", EXACT, "r1")
    assert lookup is not None
    with pytest.raises(ProviderUnavailable):
        async for _ in await lookup.serve(make):
            pass
    await lookup.store()
    assert (await caches.stats()).entries == 0


async def test_embeddings(caches: Caches) -> None:
    request = EmbedRequest({"model": "e", "input": "x"})
    for expected in (None, b'{"data": []}'):
        lookup = caches.look_up(request, call(), "fast", EXACT, "r1")
        assert lookup is not None
        answer = await lookup.find()
        assert (answer and answer.body) == expected
        await lookup.store(body=b'{"data": []}', usage=USAGE)


async def test_purge(caches: Caches) -> None:
    upstream = Upstream()
    for project in ("p", "q"):
        await served(caches, upstream, ask("one two three four"), call(project), SEMANTIC)
    assert await caches.purge("p", "other") == 0
    assert await caches.purge("p", "fast") > 0
    assert (await served(caches, upstream, ask("one two three four"), call("p"), SEMANTIC))[1] == "miss"
    assert (await served(caches, upstream, ask("one two three four"), call("q"), SEMANTIC))[1] == "semantic"


# ---- semantic


ONE, LIKE, UNLIKE = "how do i reset my account password", "how do i reset the account password", "why is the sky blue"


async def test_a_question_that_means_the_same_is_answered(caches: Caches, encoder: Encoder) -> None:
    upstream = Upstream()
    assert (await served(caches, upstream, ask(ONE), call(), SEMANTIC))[1] == "miss"
    assert await served(caches, upstream, ask(LIKE, stream=True), call(), SEMANTIC) == ("the answer", "semantic")
    assert (await served(caches, upstream, ask(UNLIKE), call(), SEMANTIC))[1] == "miss"
    assert encoder.asked == [ONE, LIKE, UNLIKE], "each question is encoded once"


async def test_another_context_never_matches(caches: Caches) -> None:
    upstream = Upstream()
    await served(caches, upstream, ask(ONE), call(), SEMANTIC)
    history = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes?"}]
    others = [
        ask(ONE, system="be brief"), ask(ONE, tools=[{"type": "function", "function": {"name": "f"}}]),
        ask(ONE, response_format={"type": "json_object"}), ask(ONE, temperature=1),
        ChatRequest.check({"model": "fast", "messages": [*history, {"role": "user", "content": ONE}]}),
    ]  # fmt: skip
    for request in others:
        assert (await served(caches, upstream, request, call(), SEMANTIC))[1] == "miss"
    assert (await served(caches, upstream, ask(ONE), call("q"), SEMANTIC))[1] == "miss"
    assert (await served(caches, upstream, ask(ONE), call(versions={"prompt": "2"}), SEMANTIC))[1] == "miss"
    assert (await served(caches, upstream, ask(LIKE), call(), SEMANTIC))[1] == "semantic"


async def test_an_image_in_the_question_is_part_of_its_context(caches: Caches) -> None:
    def picture(url: str) -> ChatRequest:
        image = {"type": "image_url", "image_url": {"url": url}}
        content = [{"type": "text", "text": ONE}, image]
        return ChatRequest.check({"model": "fast", "messages": [{"role": "user", "content": content}]})

    upstream = Upstream()
    hows = [(await served(caches, upstream, picture(url), call(), SEMANTIC))[1] for url in ("a", "b", "a")]
    assert hows == ["miss", "miss", "semantic"]


async def test_vetoes_hold(caches: Caches) -> None:
    upstream = Upstream()
    await served(caches, upstream, ask(ONE + " in 3 days"), call(), SEMANTIC)
    assert (await served(caches, upstream, ask(ONE + " in 5 days"), call(), SEMANTIC))[1] == "miss"


async def test_long_questions_are_left_to_the_exact_cache(caches: Caches, encoder: Encoder) -> None:
    assert caches.look_up(ask("word " * 200), call(), "fast", SEMANTIC, "r") is None
    assert encoder.asked == []


async def test_an_encoder_that_is_busy_costs_only_the_hit(caches: Caches, encoder: Encoder) -> None:
    encoder.down = True
    assert await served(caches, Upstream(), ask(ONE), call(), SEMANTIC) == ("the answer", "miss")
    assert caches.counts("p")[0].unread == 1


async def test_a_question_whose_answer_is_gone_is_a_miss(caches: Caches, clock: Clock) -> None:
    upstream = Upstream()
    await served(caches, upstream, ask(ONE), call(), SEMANTIC)
    clock.us += 100_000_000
    assert (await served(caches, upstream, ask(LIKE), call(), SEMANTIC))[1] == "miss"
    assert len(caches.index) == 1, "the old question made room"


async def test_both_caches_together(caches: Caches) -> None:
    both = ModelConfig(deployments=DEPLOYMENTS, exact_cache=ExactCache(), semantic_cache=NEAR)
    upstream = Upstream()
    hows = [(await served(caches, upstream, ask(text), call(), both))[1] for text in (ONE, LIKE, ONE, UNLIKE)]
    assert hows == ["miss", "semantic", "exact", "miss"]
    results = await asyncio.gather(*(served(caches, upstream, ask("so new", stream=True), call(), both) for _ in "abc"))
    assert [how for _, how in results] == ["miss", "coalesced", "coalesced"]


async def test_shadow_mode_measures_and_never_serves(caches: Caches) -> None:
    shadow = ModelConfig(deployments=DEPLOYMENTS, semantic_cache=NEAR.model_copy(update={"shadow": True}))
    upstream = Upstream(text="it takes 5 days")
    assert (await served(caches, upstream, ask(ONE), call(), shadow))[1] == "miss"
    assert (await served(caches, upstream, ask(LIKE), call(), shadow))[1] == "miss"
    upstream.text = "it takes 9 days"
    assert (await served(caches, upstream, ask(ONE), call(), shadow))[1] == "miss"
    assert upstream.calls == 3
    while caches._comparing:
        await asyncio.wait(caches._comparing)
    report = caches.report("p", "fast")
    assert (report.lookups, report.would_hit, report.compared, report.disagreed) == (3, 2, 2, 1)
    assert report.false_hit_rate == 0.5
    low, high = report.false_hit_interval
    assert low < 0.5 < high


async def test_another_process_sees_the_questions(tmp_path: Path, encoder: Encoder, clock: Clock) -> None:
    upstream = Upstream()
    one, two = (SqliteStore(tmp_path / "cache.db", 10**6, clock=clock) for _ in range(2))
    here, there = Caches(one, encode=encoder, clock=clock), Caches(two, encode=encoder, clock=clock)
    await served(here, upstream, ask(ONE), call(), SEMANTIC)
    await one.stats()  # writes what waits
    assert (await served(there, upstream, ask(LIKE), call(), SEMANTIC))[1] == "semantic"
    await served(here, upstream, ask("so what is it then"), call(), SEMANTIC)
    await one.stats()
    clock.us += 11_000_000
    assert (await served(there, upstream, ask("so what is it then"), call(), SEMANTIC))[1] == "semantic"
    for store in (one, two):
        await store.aclose()


def test_a_look_up_is_what_the_pipeline_sees() -> None:
    assert {"find", "serve", "store", "how", "answer"} <= set(dir(Lookup))
