"""Call: who asks, in which trace, until when, and with which versions. Span: the record of one step.

Every room takes the Call it works for as an argument; none looks it up from its surroundings. Knows nothing of how
spans are stored or priced.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from pilothouse.errors import PilothouseError, ProviderTimeout
from pilothouse.ids import content_hash, new_id, new_span_id, now_us
from pilothouse.pii.pseudonyms import Pseudonyms
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.types import Json, Usage

__all__ = ["DEFAULT_PROJECT", "Call", "Kind", "Progress", "Recorder", "Reservation", "Span", "Status"]

DEFAULT_PROJECT = "default"

Kind = Literal["llm", "embedding", "retriever", "reranker", "chain", "tool", "agent", "guard", "evaluator"]
Status = Literal["ok", "error", "cancelled"]
Scalar = str | int | float | bool | list[str] | None


class Span(msgspec.Struct, kw_only=True):
    """One finished or running step of a trace. Times are UTC microseconds, money is nano-USD.

    `cost_nano` is None where the price is unknown (never 0 for that) and on steps that bill nothing themselves.
    `cost_known` is False only where a priced step (a leaf call to a model) has no known price. `charge_id` settles the
    Reservation of that id: `cost_nano` and the tokens are then entered into the ledger for each of `accounts`.
    `prompt` is `name@version`; `source` says how it came here: gateway, sdk, otlp or langfuse.
    `body` holds input and output, packed for the store (storage.payloads), in place of both.
    """

    id: str
    trace_id: str
    project_id: str
    name: str
    kind: Kind
    start_us: int
    parent_id: str | None = None
    end_us: int = 0
    status: Status = "ok"
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None
    key_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    team_id: str | None = None
    endpoint: str | None = None
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    deployment: str | None = None
    usage: Usage | None = None
    ttft_us: int | None = None
    cost_nano: int | None = None
    cost_known: bool = True
    manifest_id: str | None = None
    feature: str | None = None
    environment: str | None = None
    release: str | None = None
    prompt: str | None = None
    tags: list[str] = []
    source: str = "gateway"
    charge_id: str | None = None
    accounts: list[str] = []
    versions: dict[str, str] = {}
    attributes: dict[str, Scalar] = {}
    input: Json | None = None
    output: Json | None = None
    body: bytes | None = None

    @property
    def duration_us(self) -> int:
        return max(0, self.end_us - self.start_us)

    def fail(self, error: BaseException) -> None:
        """Mark as failed by this error; cancellation has a status of its own."""
        known = isinstance(error, PilothouseError)
        cancelled = type(error).__name__ in ("CancelledError", "GeneratorExit", "Cancelled")
        self.status = "cancelled" if cancelled else "error"
        self.error_code = error.code if isinstance(error, PilothouseError) else type(error).__name__
        self.error_message = error.message if known and isinstance(error, PilothouseError) else str(error) or None


class Reservation(msgspec.Struct, array_like=True, tag="r"):
    """An upper bound of what a call that begins may cost. Recorded before the provider is asked, so that a crash leaves
    a trace of it; the span with this id as `charge_id` settles it. `nano` is None where no price is known."""

    id: str
    project_id: str
    trace_id: str
    at_us: int
    expires_us: int
    accounts: list[str]
    nano: int | None
    tokens: int
    endpoint: str | None = None
    provider: str | None = None
    deployment: str | None = None
    model: str | None = None


class Progress(msgspec.Struct, array_like=True, tag="p"):
    """What a reserved call has produced so far; recorded now and then during a long stream. The newest one counts."""

    id: str
    project_id: str
    nano: int | None
    input_tokens: int
    output_tokens: int


class Recorder(Protocol):
    """Takes finished spans, and what is noted of running calls.

    `record` returns once that would survive a killed process; it never blocks on the database. Raises Overloaded when
    the spool is full and the settings say to stop.
    """

    def record(self, record: Span | Reservation | Progress) -> None: ...


@dataclass(slots=True)
class Call:
    """One request on its way. `deadline` is on the clock of `time.monotonic`, None for no limit. `patience` are the
    seconds for a connection and for each silence where a deployment has its own; no child inherits it.

    `remote_parent_id` is the caller's own span (W3C traceparent): kept as an attribute of the root, which stays a root
    here. `versions` collects what made the answer (prompt, corpus, deployment, embedder, snapshot): its content hash is
    the manifest id of the span. A child's versions flow into its parent when it ends. `metadata` is the caller's own
    (routing conditions read it); `cache_control` its Cache-Control header; `embedding` the encoder's vector of the last
    user message, once something asked for it, `vectors` those of the texts that its guards had encoded, by text, and
    `hardness` the probability that it is hard. `wanted` says whether others wait for this call's answer too, so that it
    goes on when its own client has left. `degradable` says whether the degraded answer will do: who asks again later
    gets the error. `in_experiments` says whether experiments may choose for it, `guarded` whether guards look at it;
    `policies` are the guard policies that hold for the calls inside of it too, `passages` what those found to answer
    from, and `pseudonyms` the stand-ins for personal data that guards gave, shared by all that is inside of it.
    `headers` are what the answer's headers say about the call: limits, cache, cost. `costs` collects what the calls of
    models inside of it cost.
    """

    recorder: Recorder
    principal: Principal = EMBEDDED
    project_id: str = DEFAULT_PROJECT
    trace_id: str = field(default_factory=new_id)
    parent_id: str | None = None
    remote_parent_id: str | None = None
    request_id: str = ""
    key_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    endpoint: str | None = None
    deadline: float | None = None
    patience: tuple[float, float] | None = None
    depth: int = 0
    client_ip: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    cache_control: str = ""
    embedding: Any = None
    vectors: dict[str, Any] = field(default_factory=dict)
    hardness: float | None = None
    wanted: Callable[[], bool] | None = None
    degradable: bool = True
    in_experiments: bool = True
    guarded: bool = True
    policies: tuple[str, ...] = ()
    passages: list[str] = field(default_factory=list)
    pseudonyms: Pseudonyms | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    costs: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.request_id = self.request_id or f"req_{self.trace_id}"

    def remaining(self) -> float | None:
        """Seconds left until the deadline (never negative), None for no limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def reason(self, error: BaseException) -> BaseException:
        """What really ended the call: a cancellation after the deadline is a timeout."""
        if isinstance(error, asyncio.CancelledError) and self.remaining() == 0.0:
            return ProviderTimeout("The call did not end within its time limit.")
        return error

    def start(self, name: str, kind: Kind) -> Span:
        """A new running span under this call; hand it to `finish`."""
        span = Span(
            id=new_span_id(), trace_id=self.trace_id, parent_id=self.parent_id, project_id=self.project_id, name=name,
            kind=kind, start_us=now_us(), request_id=self.request_id, key_id=self.key_id, user_id=self.user_id,
            session_id=self.session_id, team_id=self.principal.team_id, endpoint=self.endpoint,
        )  # fmt: skip
        if self.remote_parent_id is not None:
            span.attributes["remote_parent_id"] = self.remote_parent_id
        if self.metadata:
            given = self.metadata.get
            span.feature, span.environment, span.release = given("feature"), given("environment"), given("release")
            if tags := given("tags"):
                span.tags = [tag for part in tags.split(",") if (tag := part.strip())]
        return span

    def finish(self, span: Span) -> None:
        """Stamp the end and the manifest, then record. Durable against a killed process once this returns."""
        span.end_us = now_us()
        span.versions = dict(self.versions)
        span.prompt = span.prompt or self.versions.get("prompt")
        span.manifest_id = content_hash(span.versions) if span.versions else None
        self.recorder.record(span)

    def child(self, span: Span) -> "Call":
        """The call for work done inside `span`."""
        return Call(
            recorder=self.recorder, principal=self.principal, project_id=self.project_id, trace_id=self.trace_id,
            parent_id=span.id, request_id=self.request_id, key_id=self.key_id, user_id=self.user_id,
            session_id=self.session_id, endpoint=self.endpoint, deadline=self.deadline, depth=self.depth + 1,
            client_ip=self.client_ip, metadata=self.metadata, cache_control=self.cache_control,
            degradable=self.degradable, in_experiments=self.in_experiments, guarded=self.guarded,
            policies=self.policies, passages=self.passages, pseudonyms=self.pseudonyms, versions=self.versions,
            costs=self.costs,
        )  # fmt: skip

    @contextmanager
    def step(self, name: str, kind: Kind) -> Iterator[tuple[Span, "Call"]]:
        """Run a block as a span: `with call.step("retrieve", "retriever") as (span, inner): ...`."""
        span = self.start(name, kind)
        try:
            yield span, self.child(span)
        except BaseException as error:
            span.fail(self.reason(error))
            raise
        finally:
            self.finish(span)
