"""The rooms of alerts over a fresh store, with a clock that the test moves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pilothouse.alerts.book import Book
from pilothouse.alerts.evaluator import Done, Evaluator
from pilothouse.alerts.readings import Readings
from pilothouse.alerts.silences import Silences
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.outbox import Outbox
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.storage import Store, writing

from .seeding import HOUR_US, MONDAY, put


class Clock:
    """UTC microseconds; begins at a Monday, a quarter past an hour."""

    def __init__(self) -> None:
        self.now = MONDAY * HOUR_US + HOUR_US // 4

    def __call__(self) -> int:
        return self.now

    @property
    def hour(self) -> int:
        return self.now // HOUR_US

    def forward(self, minutes: float) -> None:
        self.now += int(minutes * 60e6)


@dataclass
class Alarm:
    """What a test of alerts works with. `evaluate` takes readings, a minute apart."""

    store: Store
    clock: Clock
    outbox: Outbox
    book: Book
    silences: Silences
    drifts: Drifts
    evaluator: Evaluator
    config: AlertsConfig

    def put(self, *rows: Mapping[str, Any]) -> None:
        with writing(self.store.observe) as connection:
            put(connection, *rows)

    def evaluate(self, times: int = 1) -> Done:
        whole = Done()
        for _ in range(times):
            done = self.evaluator.evaluate(self.config, ["default"])
            whole = Done(done.readings, whole.opened + done.opened, whole.cleared + done.cleared)
            self.clock.forward(1)
        return whole

    def told(self) -> list[tuple[str, str, str]]:
        """What is on its way: event, channel, title."""
        return [(d.event, d.channel, d.message.title) for d in self.outbox.due(500)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alarm(store: Store, clock: Clock) -> Alarm:
    return over(store, clock)


@pytest.fixture
def second(store: Store, clock: Clock) -> Callable[[], Alarm]:
    """The rooms of another process over the same store."""
    return lambda: over(store, clock)


def over(store: Store, clock: Clock) -> Alarm:
    outbox = Outbox(store.control, clock)
    book = Book(store.control, outbox, lambda link: f"https://ph.example.com{link}", clock)
    config = AlertsConfig.model_validate({"channels": {"ops": {"kind": "slack", "url": "https://hooks.example.com"}}})
    drifts = Drifts(store, clock)
    evaluator = Evaluator(Readings(store.observe), drifts, book, clock)
    return Alarm(store, clock, outbox, book, Silences(store.control, clock), drifts, evaluator, config)
