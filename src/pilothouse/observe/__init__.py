"""What happened: spans on their way to the database, what they cost, the ledger of it, and the ways to look at them.

`pilothouse.observe` is also the name of the decorator that users write. Once this room is loaded, the import system
puts it in the decorator's place: so it can be called as the decorator can.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from pilothouse.observe.arrival.ingest import Drainer, Lag
from pilothouse.observe.arrival.record import SpoolRecorder
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.costs.prices import Priced, PriceOverride, Prices, price_kind
from pilothouse.observe.metrics import Metrics
from pilothouse.observe.trace import Node, Totals, Trace, tree
from pilothouse.observe.traces import Filters, Page, TraceRow, Traces

__all__ = [
    "Drainer", "Filters", "Lag", "Ledger", "Metrics", "Node", "Page", "PriceOverride", "Priced", "Prices",
    "SpoolRecorder", "Totals", "Trace", "TraceRow", "Traces", "price_kind", "tree",
]  # fmt: skip


class _CallableRoom(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return import_module("pilothouse.tracing").observe(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
