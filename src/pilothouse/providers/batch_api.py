"""What a vendor's own batch API is asked, whichever vendor it is. Knows nothing of ours.

A batch goes there as one payload, is looked at until it has ended, and its results are downloaded. `key` is ours: by it
a batch is found again whose id was never noted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pilothouse.errors import ProviderError
from pilothouse.types import ChatChunk, Json, ModelRequest

__all__ = ["BatchApi", "OffersBatches", "Undecided", "VendorBatch", "VendorResult", "lines_of"]


class Undecided(Exception):
    """Whether a batch is there cannot be told yet: ask again later."""


@dataclass(frozen=True, slots=True)
class VendorBatch:
    """Where a batch stands. `status` is one of OpenAI's words; `sources` are where its results are, once it has ended;
    `errors` are in OpenAI's shape."""

    id: str
    status: str
    sources: tuple[str, ...] = ()
    errors: tuple[Json, ...] = ()

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True, slots=True)
class VendorResult:
    """What came of one request: its answer as bytes, `status` 200, or an error body with another one; or, where it was
    not asked at all, a `code` and a `message`."""

    custom_id: str
    status: int = 0
    body: bytes = b""
    code: str = ""
    message: str = ""


class BatchApi(Protocol):
    """`operations` are those of requests that it takes. What goes over the network is async; the rest only computes,
    on as much as a whole batch, and belongs off the event loop."""

    operations: frozenset[str]

    def body(self, request: ModelRequest) -> Json:
        """The body of a request, in the vendor's own words. Raises InvalidRequest or Unsupported."""
        ...

    def payload(self, key: str, endpoint: str, requests: Iterable[tuple[str, Json]]) -> bytes:
        """What `create` sends, of (custom id, body). `endpoint` is the path of OpenAI's API that they are for."""
        ...

    async def create(self, key: str, endpoint: str, payload: bytes, headers: Sequence[tuple[str, str]] = ()) -> str:
        """The vendor's id of the new batch. `headers` are the caller's, for a vendor of their dialect.

        Raises ProviderError.
        """
        ...

    async def find(self, key: str, since_us: int, count: int) -> str | None:
        """The id of the batch with this key, made since then with so many requests. Raises ProviderError, Undecided."""
        ...

    async def look(self, vendor_id: str) -> VendorBatch:
        """Raises ProviderError."""
        ...

    async def download(self, source: str) -> bytes:
        """Some of the results, for `results`. Raises ProviderError."""
        ...

    def results(self, raw: bytes) -> Iterator[VendorResult]:
        """Raises ProviderProtocolError."""
        ...

    def read(self, operation: str, model: str, body: bytes) -> ChatChunk:
        """An answer as that of a call to `model` would have been. Raises ProviderError."""
        ...

    def failure(self, status: int, body: bytes) -> ProviderError:
        """The error that an answer with another status than 200 tells of."""
        ...

    async def cancel(self, vendor_id: str) -> None:
        """Ask it to end soon. Raises ProviderError."""
        ...


@runtime_checkable
class OffersBatches(Protocol):
    """A provider that may have a batch API."""

    @property
    def batches(self) -> BatchApi | None: ...


def lines_of(raw: bytes) -> Sequence[bytes]:
    """The lines of a JSONL file that are not empty."""
    return [line for line in raw.split(b"\n") if line.strip()]
