"""What batches need of the house, for both lanes, and the call in which a batch is asked.

Knows nothing of lanes, lines or leases.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.access.budgets import Budgets
from pilothouse.access.policy import check
from pilothouse.call import Call, Recorder
from pilothouse.errors import Unauthenticated
from pilothouse.gateway.pipeline import Gateway
from pilothouse.observe import Prices
from pilothouse.principal import Principal
from pilothouse.storage.batch_leases import BatchLeases
from pilothouse.storage.batches import Batch
from pilothouse.storage.files import FileStore

__all__ = ["BatchRooms", "Resolve"]

Resolve = Callable[[str, str], Principal | None]
"""What a key (its id, its project) stands for now; None where it is valid no more."""


@dataclass(frozen=True, slots=True)
class BatchRooms:
    """`resolve` finds the Principal of a key anew, `live` counts the requests that are being answered, `timeout` bounds
    one request in seconds."""

    gateway: Gateway
    files: FileStore
    leases: BatchLeases
    budgets: Budgets
    prices: Prices
    recorder: Recorder
    resolve: Resolve
    live: Callable[[], int]
    timeout: float = 600.0

    def call(
        self, batch: Batch, *, model: str | None = None, request_id: str = "", deadline: float | None = None
    ) -> Call:
        """A call on behalf of the batch's creator. A degraded answer will not do: there is time to ask again.

        Raises Unauthenticated or Forbidden where its creator may not make it any more.
        """
        principal = self.resolve(batch.key_id, batch.project_id)
        if principal is None or not principal.may("call"):
            raise Unauthenticated("The key that created this batch is no longer valid.")
        check(principal, endpoint=batch.endpoint, model=model, client_ip=batch.client_ip)
        return Call(
            self.recorder, principal, batch.project_id, request_id=request_id, key_id=batch.key_id,
            session_id=batch.id, endpoint=batch.endpoint, client_ip=batch.client_ip, metadata={"batch": batch.id},
            deadline=deadline, degradable=False,
        )  # fmt: skip
