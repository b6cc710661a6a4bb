"""What a batch costs at a vendor: an upper bound is held before it is sent, and one span settles it in the end.

One entry of the ledger for the whole batch: it is exact, since each answer is priced by itself and the sum kept in
integer nano-USD, and fifty thousand answers cost one row. `AtVendor` is kept with the batch, so that whoever goes on
after a crash settles the same charge; entered twice, it counts once.
"""

from dataclasses import dataclass, field

import msgspec

from pilothouse.access.budgets import Budgets, Hold
from pilothouse.call import Call, Recorder, Reservation, Span
from pilothouse.errors import PilothouseError
from pilothouse.ids import new_id, new_span_id, now_us
from pilothouse.observe import Prices
from pilothouse.storage.batches import Batch
from pilothouse.types import Json, Usage

__all__ = ["AtVendor", "Bill", "Sum"]

_GRACE_US = 2 * 3600 * 1_000_000  # after its window a batch is surely over


class AtVendor(msgspec.Struct):
    """What is known of a batch at a vendor. `id` is the vendor's; `auto` says that it may run here instead.

    `state` is chosen, then sending (it may or may not be there), then sent. `count` requests were sent. The last five
    are its charge: see Reservation; `charge_id` is empty where nothing is to be settled.
    """

    provider: str
    kind: str
    price_kind: str
    deployment: str
    model: str
    alias: str
    operation: str
    auto: bool = True
    state: str = "chosen"
    id: str | None = None
    count: int = 0
    at_us: int = 0
    charge_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    accounts: list[str] = []
    nano: int | None = None
    tokens: int = 0

    @classmethod
    def of(cls, batch: Batch) -> "AtVendor":
        return msgspec.convert(batch.vendor, cls)

    def to_json(self) -> Json:
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


@dataclass(slots=True)
class Sum:
    """What the answers of a batch used and cost; `nano` is None once the price of one of them is unknown."""

    usage: Usage = field(default_factory=Usage)
    nano: int | None = 0
    answers: int = 0

    def add(self, usage: Usage | None, nano: int | None) -> None:
        self.answers += 1
        self.nano = None if self.nano is None or nano is None else self.nano + nano
        one, other = self.usage, usage or Usage()
        self.usage = Usage(
            one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens,
            one.cached_tokens + other.cached_tokens, one.cache_write_tokens + other.cache_write_tokens,
            one.reasoning_tokens + other.reasoning_tokens,
        )  # fmt: skip


class Bill:
    """Holds, and settles. A hold lives in this process; the charge outlives it."""

    def __init__(self, budgets: Budgets, prices: Prices, recorder: Recorder) -> None:
        self._budgets = budgets
        self._prices = prices
        self._recorder = recorder
        self._holds: dict[str, Hold] = {}

    def open(self, at: AtVendor, call: Call, nano: int | None, tokens: int) -> None:
        """Give the batch a charge of its own, at most so much."""
        at.at_us, at.charge_id, at.trace_id, at.span_id = now_us(), new_id(), call.trace_id, new_span_id()
        at.accounts = self._budgets.accounts(call, at.alias, (at.deployment,)).charged(at.deployment)
        at.nano, at.tokens = nano, tokens

    async def hold(self, at: AtVendor, batch: Batch, call: Call) -> None:
        """Hold the bound, and note it where a crash leaves it. Raises BudgetExceeded or ConfigError, nothing held."""
        reservation = Reservation(
            at.charge_id, batch.project_id, at.trace_id, at.at_us, batch.expires_us + _GRACE_US, at.accounts, at.nano,
            at.tokens, batch.endpoint, at.kind, at.deployment, at.model,
        )  # fmt: skip
        accounts = self._budgets.accounts(call, at.alias, (at.deployment,))
        hold = await self._budgets.reserve(reservation, accounts)
        try:
            self._recorder.record(reservation)
        except BaseException:
            hold.cancel()
            raise
        self._holds[batch.id] = hold

    def price(self, at: AtVendor, usage: Usage | None) -> int | None:
        """Nano-USD of one answer, at the price of the vendor's batch lane."""
        if usage is None:
            return None
        return self._prices.cost(at.price_kind, at.model, usage, at.at_us, provider=at.provider, batch=True)

    def settle(self, at: AtVendor, batch: Batch, total: Sum, error: PilothouseError | None = None) -> None:
        """Record what it came to, once; nothing where it has no charge. Survives a killed process once this returns."""
        if not at.charge_id:
            return
        used = total.usage.input_tokens + total.usage.output_tokens
        if (hold := self._holds.pop(batch.id, None)) is not None:
            hold.settle(total.nano, used, at.deployment)
        span = Span(
            id=at.span_id, trace_id=at.trace_id, project_id=batch.project_id, name=f"batch {at.alias}",
            kind="embedding" if at.operation == "embeddings" else "llm", start_us=at.at_us, end_us=now_us(),
            request_id=f"req_{at.trace_id}", key_id=batch.key_id, session_id=batch.id, endpoint=batch.endpoint,
            operation=at.operation, provider=at.kind, request_model=at.alias, response_model=at.model,
            deployment=at.deployment, usage=total.usage, cost_nano=total.nano, cost_known=total.nano is not None,
            charge_id=at.charge_id, accounts=at.accounts,
            attributes={"batch": batch.id, "vendor_batch": at.id, "requests": at.count, "answers": total.answers},
        )  # fmt: skip
        if error is not None:
            span.fail(error)
        self._recorder.record(span)

    def forget(self, batch: Batch) -> None:
        """Another process settles it."""
        if (hold := self._holds.pop(batch.id, None)) is not None:
            hold.cancel()
