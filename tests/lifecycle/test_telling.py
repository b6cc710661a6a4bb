"""What people ask changes, and a channel is told: from recorded traces to the message, by the parts that serve."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pilothouse.alerts.book import Book
from pilothouse.alerts.evaluator import Evaluator
from pilothouse.alerts.readings import Readings
from pilothouse.alerts.watch import AlertWatch
from pilothouse.lifecycle.topics import TopicWork
from pilothouse.monitoring import AlertsConfig, TopicsConfig
from pilothouse.notify.channels import Senders
from pilothouse.notify.message import Message
from pilothouse.notify.outbox import Outbox
from pilothouse.notify.postman import Postman
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.turns import Turn
from pilothouse.testing.hashing import HashingEncoder

from ..observe.making import full_span
from .test_topics import recording

_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_FIRST = 20_770
_USUAL = ("how do I pay invoice {n}", "where is the receipt of order {n}", "can I pay by card for {n}")
_OTHER = ("write a poem about the sea", "tell me a story of a dragon", "what rhymes with orange")
_CONFIG = AlertsConfig.model_validate({"channels": {"ops": {"kind": "slack", "url": "https://hooks.example.com"}}})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


class _Channels(Senders):
    """Keeps what is sent, by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Message]] = []

    async def send(self, config: AlertsConfig, name: str, message: Message, identifier: str) -> None:
        self.sent.append((name, message))


class _Server:
    """The work that a server does by itself, over a store, at a time that the test sets."""

    def __init__(self, store: Store) -> None:
        self.now = 0
        clock = lambda: self.now  # noqa: E731
        outbox, self.channels, drifts = Outbox(store.control, clock), _Channels(), Drifts(store, clock)
        self.book = Book(store.control, outbox, lambda link: f"https://ph.example.com{link}", clock)
        evaluator = Evaluator(Readings(store.observe), drifts, self.book, clock)
        postman = Postman(outbox, self.channels, lambda: _CONFIG)
        topics, alerts = (Turn(store.control, name, seconds=600.0, clock=clock) for name in ("topics", "alerts"))
        self._topics = TopicWork(store, self, lambda: "hashing", lambda: TopicsConfig(per_day=100), topics, clock)
        self._alerts = AlertWatch(
            evaluator, drifts, self.book, outbox, postman, alerts, lambda: _CONFIG, lambda: ["default"], clock
        )

    async def __call__(self, texts: Sequence[str]) -> Any:
        return HashingEncoder().encode(texts)

    async def night(self, day: int) -> None:
        """The hours after a day, in which its questions are gone through and it is compared."""
        self.now = (day + 1) * _DAY_US + 4 * _HOUR_US
        await self._topics.tick()
        for _ in range(20):
            await self._alerts.tick()
            self.now += 60_000_000


async def test_a_channel_is_told_when_other_things_are_asked(store: Store, tmp_path: Path) -> None:
    days = range(_FIRST, _FIRST + 9)
    with recording(store, tmp_path) as recorder:
        for day in days:
            for n in range(100):
                text = _OTHER[n % 3] if day == days[-1] and n % 2 else _USUAL[(n + day) % 3].format(n=n)
                asked = {"messages": [{"role": "user", "content": text}]}
                start = day * _DAY_US + n * _HOUR_US // 5
                recorder.record(full_span(trace_id=f"{day}-{n}", start_us=start, input=asked))
    server = _Server(store)
    await server.night(days[-2])
    assert server.book.list() == []
    await server.night(days[-1])
    (alert,) = server.book.list()
    assert (alert.rule, alert.status, alert.told, alert.samples) == ("input-drift", "open", True, 100)
    link = f"/console/traces?since_us={days[-1] * _DAY_US}&until_us={(days[-1] + 1) * _DAY_US}"
    assert alert.link == link
    ((channel, message),) = server.channels.sent
    assert (channel, message.event, message.title) == ("ops", "alert.fired", "input-drift")
    assert message.link == f"https://ph.example.com{link}"
