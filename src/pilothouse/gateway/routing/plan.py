"""What routing decided about a call: the deployments to try, in order, and why. Decides nothing itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from pilothouse.call import Call
from pilothouse.config import Budget, Condition, Limits, ModelConfig
from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    PilothouseError,
    ProviderAuth,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.protocols import Provider
from pilothouse.types import Json

__all__ = ["Deployment", "FailureClass", "Plan", "Request", "failure_class"]

FailureClass = Literal["context", "content", "rate_limit", "server", "timeout", "auth", "any"]

_CLASSES: tuple[tuple[type[PilothouseError], FailureClass], ...] = (
    (ContextTooLong, "context"),
    (ContentFiltered, "content"),
    (RateLimited, "rate_limit"),
    (ProviderUnavailable, "server"),
    (ProviderTimeout, "timeout"),
    (ProviderAuth, "auth"),
)


def failure_class(error: PilothouseError) -> FailureClass:
    """The list of `fallbacks` that serves this failure."""
    return next((name for kind, name in _CLASSES if isinstance(error, kind)), "any")


_UNLIMITED = Limits()


class Request(Protocol):
    """What a call asks for, in any operation: a ChatRequest, an EmbedRequest and their like."""

    body: Json

    @property
    def model(self) -> str: ...

    def edited(self, **fields: str) -> Self:
        """A copy with these top-level fields of the body set."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """One model at one provider. `kind` is the provider's plugin name, `price_kind` the name to price it under;
    `leaf` is false where it calls other models, `limited` true where it has limits or budgets of its own. Timeouts in
    seconds, its own or else its provider's; `patience` are (connect, read) where it has one of these of its own."""

    id: str
    provider: Provider
    kind: str
    price_kind: str
    model: str
    leaf: bool = True
    weight: float = 1.0
    when: Condition | None = None
    context_tokens: int | None = None
    limits: Limits = _UNLIMITED
    budgets: tuple[Budget, ...] = ()
    first_token_timeout: float | None = None
    timeout: float | None = None
    patience: tuple[float, float] | None = None
    limited: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The `candidates` of one alias, best first, and in few words the `reason` for that order.

    `fits` is false where no deployment takes an input as long as this one seems to be; `then` are further plans to
    follow whatever went wrong with this one. `leaves` holds every deployment that might be asked in the end, those of
    all fallbacks included, but for those that only call other models. `fallbacks(error, request, call)` are the plans
    to follow after that failure; whoever follows them skips an alias that was tried.
    """

    alias: str
    model: ModelConfig
    candidates: Sequence[Deployment]
    reason: str
    leaves: tuple[Deployment, ...]
    fallbacks: Callable[[PilothouseError, Request, Call], "list[Plan]"]
    fits: bool = True
    then: "tuple[Plan, ...]" = ()
