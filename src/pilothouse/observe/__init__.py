"""What happened: spans on their way to the database, what they cost, the ledger of it, and the ways to look at them."""

from pilothouse.observe.ingest import Drainer, Lag
from pilothouse.observe.ledger import Ledger
from pilothouse.observe.metrics import Metrics
from pilothouse.observe.prices import Priced, PriceOverride, Prices, price_kind
from pilothouse.observe.record import SpoolRecorder
from pilothouse.observe.trace import Node, Totals, Trace, tree
from pilothouse.observe.traces import Filters, Page, TraceRow, Traces

__all__ = [
    "Drainer", "Filters", "Lag", "Ledger", "Metrics", "Node", "Page", "PriceOverride", "Priced", "Prices",
    "SpoolRecorder", "Totals", "Trace", "TraceRow", "Traces", "price_kind", "tree",
]  # fmt: skip
