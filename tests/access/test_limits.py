"""What a call counts for, what it is told, and what is given back."""

from collections.abc import Sequence

import pytest

from pilothouse.access.limits import Limiter, duration
from pilothouse.call import Call
from pilothouse.config import Limits
from pilothouse.errors import Overloaded, StorageError, TooManyRequests
from pilothouse.principal import Level, Principal
from pilothouse.storage.counters import Take, Verdict
from pilothouse.storage.memory_counters import MemoryCounters

NONE = Limits()


class Now:
    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.us

    def forward(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)


class Away(MemoryCounters):
    down = True

    async def take(self, holder: str, takes: Sequence[Take], now_us: int) -> Verdict:
        raise StorageError("Redis does not answer.")


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def counters(now: Now) -> MemoryCounters:
    return MemoryCounters(now)


@pytest.fixture
def limiter(counters: MemoryCounters, now: Now) -> Limiter:
    return Limiter(counters, "closed", now)


def caller(user: str | None = None, project: str = "default", **levels: Limits) -> Call:
    """A call whose principal has these limits, from the organisation down to its key."""
    given = [Level(account.replace("_", ":"), limits) for account, limits in levels.items()]
    principal = Principal(project, "k", "caller", levels=given)
    return Call(recorder=None, principal=principal, project_id=project, user_id=user)  # type: ignore[arg-type]


async def test_without_limits_nothing_is_counted(limiter: Limiter, counters: MemoryCounters) -> None:
    one = await limiter.admit(caller("ann"), NONE, "fast", NONE, 100)
    assert one is await limiter.admit(caller(key_a=NONE), NONE, "fast", NONE, 100)
    one.settle(7)
    one.cancel()
    assert one.headers == []
    assert len(counters) == 0


@pytest.mark.parametrize("level", ["org_acme", "project_default", "team_blue", "key_a"])
async def test_every_level_has_limits_of_its_own(limiter: Limiter, level: str) -> None:
    call = caller(**{level: Limits(requests_per_minute=2)})
    for _ in range(2):
        (await limiter.admit(call, NONE, "fast", NONE, 1)).settle(1)
    kind, _, name = level.partition("_")
    with pytest.raises(TooManyRequests, match=rf"The {kind} '{name}' is limited to 2 requests per minute.*30s") as told:
        await limiter.admit(call, NONE, "fast", NONE, 1)
    assert told.value.retry_after == 30.0
    assert told.value.headers == (
        ("x-ratelimit-limit-requests", "2"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1m0s"),
    )


async def test_two_keys_share_their_projects_limit(limiter: Limiter) -> None:
    project = Limits(requests_per_minute=1)
    await limiter.admit(caller(project_default=project, key_a=NONE), NONE, "fast", NONE, 1)
    with pytest.raises(TooManyRequests, match="project 'default'"):
        await limiter.admit(caller(project_default=project, key_b=NONE), NONE, "fast", NONE, 1)


async def test_users_and_aliases_count_within_a_project(limiter: Limiter) -> None:
    one = Limits(requests_per_minute=1)
    await limiter.admit(caller("ann"), NONE, "fast", one, 1)
    await limiter.admit(caller("bob"), NONE, "fast", one, 1)
    await limiter.admit(caller("ann", project="other"), NONE, "fast", one, 1)
    with pytest.raises(TooManyRequests, match="user 'ann'"):
        await limiter.admit(caller("ann"), NONE, "fast", one, 1)
    await limiter.admit(caller(), one, "fast", one, 1)
    await limiter.admit(caller(), one, "smart", one, 1)
    await limiter.admit(caller(project="other"), one, "fast", one, 1)
    with pytest.raises(TooManyRequests, match="model 'fast'"):
        await limiter.admit(caller(), one, "fast", one, 1)


async def test_a_refused_call_takes_nothing_anywhere(limiter: Limiter) -> None:
    call = caller(org_acme=Limits(requests_per_minute=10, tokens_per_minute=100, parallel=5), key_a=Limits(parallel=1))
    running = await limiter.admit(call, NONE, "fast", NONE, 10)
    with pytest.raises(TooManyRequests, match="limited to 1 calls at once") as told:
        await limiter.admit(call, NONE, "fast", NONE, 10)
    assert told.value.retry_after == 1.0, "nobody knows when a call ends"
    assert dict(told.value.headers)["x-ratelimit-remaining-requests"] == "9"
    assert dict(told.value.headers)["x-ratelimit-remaining-tokens"] == "90"
    running.settle(10)
    again = await limiter.admit(call, NONE, "fast", NONE, 10)
    assert dict(again.headers)["x-ratelimit-remaining-requests"] == "8"


async def test_the_estimate_is_corrected_by_what_was_used(limiter: Limiter) -> None:
    call = caller(key_a=Limits(tokens_per_minute=1000))

    async def left() -> str:
        ticket = await limiter.admit(call, NONE, "fast", NONE, 1)
        ticket.cancel()
        return dict(ticket.headers)["x-ratelimit-remaining-tokens"]

    ticket = await limiter.admit(call, NONE, "fast", NONE, 600)
    with pytest.raises(TooManyRequests, match=r"1000 tokens per minute, of which 400 are left now.*counted as 600"):
        await limiter.admit(call, NONE, "fast", NONE, 600)
    ticket.settle(100)
    ticket.settle(100)
    ticket.cancel()
    assert await left() == "899"
    unknown = await limiter.admit(call, NONE, "fast", NONE, 200)
    unknown.settle(None)
    assert await left() == "699"
    more = await limiter.admit(call, NONE, "fast", NONE, 100)
    more.settle(350)
    assert await left() == "349"


async def test_one_call_larger_than_the_limit_passes_when_all_of_it_is_there(limiter: Limiter, now: Now) -> None:
    call = caller(key_a=Limits(tokens_per_minute=1000))
    (await limiter.admit(call, NONE, "fast", NONE, 5000)).settle(2000)
    with pytest.raises(TooManyRequests) as told:
        await limiter.admit(call, NONE, "fast", NONE, 5000)
    assert told.value.retry_after == 120.0
    now.forward(120)
    await limiter.admit(call, NONE, "fast", NONE, 5000)


async def test_a_call_that_a_later_step_refused_does_not_count(limiter: Limiter, counters: MemoryCounters) -> None:
    call = caller("ann", key_a=Limits(requests_per_minute=1, tokens_per_minute=10, parallel=1))
    for _ in range(5):
        (await limiter.admit(call, Limits(requests_per_minute=1), "fast", Limits(parallel=1), 10)).cancel()
    ticket = await limiter.admit(call, Limits(requests_per_minute=1), "fast", Limits(parallel=1), 10)
    with pytest.raises(TooManyRequests):
        await limiter.admit(call, NONE, "fast", NONE, 10)
    ticket.settle(10)


async def test_headers_tell_the_tightest_level(limiter: Limiter) -> None:
    call = caller(
        org_acme=Limits(requests_per_minute=600, tokens_per_minute=60_000),
        key_a=Limits(requests_per_minute=60, tokens_per_minute=90_000),
    )
    ticket = await limiter.admit(call, NONE, "fast", NONE, 36_000)
    assert ticket.headers == [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-limit-tokens", "60000"),
        ("x-ratelimit-remaining-tokens", "24000"),
        ("x-ratelimit-reset-tokens", "36s"),
    ]


async def test_a_deployment_without_room_is_passed_over(limiter: Limiter) -> None:
    limits = Limits(requests_per_minute=2, tokens_per_minute=100)
    assert await limiter.room([("a", limits), ("b", NONE)]) == [1.0, 1.0]
    ticket = await limiter.try_deployment("a", limits, 60, "call 1")
    assert ticket is not None
    assert await limiter.room([("a", limits), ("b", NONE)]) == [0.4, 1.0]
    assert await limiter.try_deployment("a", limits, 60, "call 2") is None
    ticket.settle(20)
    assert await limiter.room([("a", limits)]) == [0.5]
    other = await limiter.try_deployment("a", limits, 60, "call 2")
    assert other is not None
    assert await limiter.room([("a", limits)]) == [0.0]
    other.cancel()
    assert await limiter.room([("a", limits)]) == [0.5]
    assert await limiter.try_deployment("b", NONE, 60, "call 3") is not None


async def test_the_last_room_is_remembered_and_comes_back_with_time(limiter: Limiter, now: Now) -> None:
    limits = Limits(requests_per_minute=4, tokens_per_minute=100)
    assert limiter.last_room("a") == 1.0
    assert await limiter.try_deployment("a", limits, 60, "call 1") is not None
    assert limiter.last_room("a") == 0.4
    assert await limiter.try_deployment("a", limits, 60, "call 2") is None
    assert limiter.last_room("a") == 0.0
    now.forward(30)
    assert limiter.last_room("a") == 0.5
    now.forward(60)
    assert limiter.last_room("a") == 1.0
    assert limiter.last_room("b") == 1.0


async def test_of_a_room_that_was_seen_in_the_future_nothing_is_known(limiter: Limiter, now: Now) -> None:
    """The clock was set back since: the deployment would be passed over until that time came again."""
    limits = Limits(requests_per_minute=1)
    assert await limiter.try_deployment("a", limits, 1, "call 1") is not None
    assert limiter.last_room("a") == 0.0
    now.forward(-3600)
    assert limiter.last_room("a") == 1.0


async def test_whether_any_limit_applies(limiter: Limiter) -> None:
    one = Limits(parallel=1)
    assert not limiter.applies(caller("ann", key_a=NONE), NONE, NONE)
    assert not limiter.applies(caller(), NONE, one)
    assert limiter.applies(caller("ann"), NONE, one)
    assert limiter.applies(caller(), one, NONE)
    assert limiter.applies(caller(key_a=one), NONE, NONE)


async def test_changed_limits_hold_at_once(limiter: Limiter) -> None:
    await limiter.admit(caller(), Limits(requests_per_minute=1), "fast", NONE, 1)
    await limiter.admit(caller(), Limits(requests_per_minute=2), "fast", NONE, 1)
    with pytest.raises(TooManyRequests, match="limited to 2"):
        await limiter.admit(caller(), Limits(requests_per_minute=2), "fast", NONE, 1)


async def test_long_names_of_users_are_counted_by_their_hash(limiter: Limiter) -> None:
    one = Limits(requests_per_minute=1)
    await limiter.admit(caller("x" * 10_000), NONE, "fast", one, 1)
    await limiter.admit(caller("x" * 9_999 + "\udcff"), NONE, "fast", one, 1)
    with pytest.raises(TooManyRequests) as told:
        await limiter.admit(caller("x" * 10_000), NONE, "fast", one, 1)
    assert len(told.value.message) < 200


async def test_while_counters_are_away_open_admits_and_says_so(now: Now) -> None:
    limiter = Limiter(Away(now), "open", now)
    limits = Limits(requests_per_minute=1, parallel=1)
    for _ in range(3):
        (await limiter.admit(caller(key_a=limits), NONE, "fast", NONE, 1)).settle(1)
    assert await limiter.try_deployment("a", limits, 1, "call") is not None
    assert limiter.last_room("a") == 1.0
    assert await limiter.room([("a", limits)]) == [1.0]
    assert limiter.unchecked == 4


async def test_while_counters_are_away_closed_refuses_by_name(now: Now) -> None:
    limiter = Limiter(Away(now), "closed", now)
    limits = Limits(requests_per_minute=1)
    with pytest.raises(Overloaded, match="PILOTHOUSE_REDIS_DOWN=closed"):
        await limiter.admit(caller(key_a=limits), NONE, "fast", NONE, 1)
    with pytest.raises(Overloaded, match="PILOTHOUSE_REDIS_DOWN=closed"):
        await limiter.try_deployment("a", limits, 1, "call")
    await limiter.admit(caller(), NONE, "fast", NONE, 1)
    assert limiter.unchecked == 0


async def test_what_is_compiled_stays_bounded(limiter: Limiter) -> None:
    one = Limits(requests_per_minute=1_000_000)
    for index in range(10_000):
        await limiter.admit(caller(f"user {index}", key_a=one), NONE, "fast", one, 1)
    assert len(limiter._principals) <= 4096
    assert len(limiter._others) <= 4096


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.0001, "1ms"), (0.12, "120ms"), (1, "1s"), (1.2, "1.2s"), (59.9995, "1m0s"), (86.4, "1m26.4s"),
        (360, "6m0s"), (3600.5, "1h0m0.5s"),
    ],
)  # fmt: skip
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
