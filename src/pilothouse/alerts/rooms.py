"""Everything of alerts, put together for those who show them and those who run them. Knows nothing of faces."""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.access.tenants import project_ids
from pilothouse.alerts.book import Book
from pilothouse.alerts.evaluator import Evaluator
from pilothouse.alerts.links import absolute
from pilothouse.alerts.readings import Readings
from pilothouse.alerts.silences import Silences
from pilothouse.alerts.watch import AlertWatch
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.channels import Senders, check_channels
from pilothouse.notify.outbox import Outbox
from pilothouse.notify.postman import Postman
from pilothouse.observe import Metrics
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.storage.database import Store
from pilothouse.storage.turns import Turn

__all__ = ["AlertRooms", "open_alerts"]

_TURN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AlertRooms:
    """`config` gives the configuration that serves now."""

    book: Book
    silences: Silences
    outbox: Outbox
    postman: Postman
    senders: Senders
    watch: AlertWatch
    config: Callable[[], AlertsConfig]
    drifts: Drifts

    def check(self, config: AlertsConfig) -> None:
        """Raises ConfigError where the channels could not be told, for want of a secret."""
        check_channels(config)


def open_alerts(
    store: Store, metrics: Metrics, config: Callable[[], AlertsConfig], public_url: str | None
) -> AlertRooms:  # fmt: skip
    """The rooms over these databases. `public_url` is where browsers reach this server, for links."""
    outbox, senders = Outbox(store.control), Senders()
    book = Book(store.control, outbox, lambda link: absolute(link, public_url))
    postman = Postman(outbox, senders, config)
    drifts = Drifts(store)
    evaluator = Evaluator(Readings(store.observe), drifts, book)
    turn = Turn(store.control, "alerts", seconds=_TURN_SECONDS)
    watch = AlertWatch(evaluator, drifts, book, outbox, postman, turn, config, lambda: project_ids(store.control))
    text = "Messages of alerts that no attempt delivered."
    metrics.pull("counter", "pilothouse_alert_messages_failed", text, lambda: float(postman.failed))
    return AlertRooms(book, Silences(store.control), outbox, postman, senders, watch, config, drifts)
