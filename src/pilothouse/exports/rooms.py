"""The queue and its carrier, put together. Knows nothing of faces."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pilothouse.exports.carrier import Carrier, check_exports
from pilothouse.exports.queue import Queue
from pilothouse.monitoring import ExportConfig
from pilothouse.observe import Metrics
from pilothouse.storage.database import Store
from pilothouse.storage.turns import Turn

__all__ = ["ExportRooms", "open_exports"]

_TURN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ExportRooms:
    """What exports need while a server runs."""

    queue: Queue
    carrier: Carrier

    def check(self, exports: Mapping[str, ExportConfig]) -> None:
        """Raises ConfigError where a secret is missing."""
        check_exports(exports)


def open_exports(
    store: Store, metrics: Metrics, exports: Callable[[], Mapping[str, ExportConfig]]
) -> ExportRooms:  # fmt: skip
    """The rooms over these databases; `exports` gives the configuration that serves now."""
    queue = Queue(store.observe, exports)
    carrier = Carrier(store, queue, Turn(store.control, "exports", seconds=_TURN_SECONDS), exports)
    shown = (
        ("sent", "Spans sent to collectors and traces told to webhooks.", lambda: float(carrier.sent)),
        ("refused", "Spans that a collector refused for good.", lambda: float(carrier.refused)),
        ("dropped", "Spans given up since an export did not keep up.", lambda: float(queue.dropped)),
    )
    for name, text, read in shown:
        metrics.pull("counter", f"pilothouse_export_spans_{name}", text, read)
    return ExportRooms(queue, carrier)
