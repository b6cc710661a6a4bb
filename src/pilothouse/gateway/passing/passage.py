"""One passed-on call and what it takes: limits, the bound of its cost, and how both are settled in the end.

A call that only reads, deletes or counts holds nothing and costs nothing. Any other holds the price of the tokens that
its body can be and of the output it allows (4,096 where it does not say), if its model has a price; a budget in USD
refuses it otherwise. Where a model was named and its answer neither tells its usage nor holds text, the bound is
charged. Knows nothing of HTTP.
"""

from pilothouse.access.bounds import DEFAULT_OUTPUT
from pilothouse.access.budgets import Hold
from pilothouse.access.limits import Ticket
from pilothouse.access.purses import Accounts
from pilothouse.call import Call, Reservation
from pilothouse.config import Limits
from pilothouse.gateway.meter import USUAL_ANSWER, estimate_tokens
from pilothouse.gateway.passing.passed import Asked
from pilothouse.gateway.passing.usage import AnswerWatch
from pilothouse.gateway.reliability.attempt import NoRoom
from pilothouse.gateway.routing.router import Router
from pilothouse.gateway.visit import Rooms
from pilothouse.ids import new_id
from pilothouse.types import Usage

__all__ = ["Passage"]

_PER_LINK = 5_000  # tokens of an image behind an address: as for images of a chat
_LASTS_US = 3_660_000_000
_NO_LIMITS = Limits()


class Passage:
    """Made when the request is understood. `admit` it, tell what was `answered` or how it did `fail`, `end` it once or
    more. `asked_upstream` says whether the provider may have begun to work."""

    def __init__(
        self, rooms: Rooms, router: Router, call: Call, provider: str, asked: Asked, label: str, body: bytes
    ) -> None:
        self._rooms, self._asked, self._body = rooms, asked, body
        self.call = call
        self._model = f"{provider}/{asked.model or '*'}"
        self.deployment = router.deployment(provider, asked.model or "*")
        self.span = span = call.start(label, "tool" if asked.free or asked.model is None else "llm")
        span.operation, span.provider, span.deployment = "pass_through", self.deployment.kind, self.deployment.id
        if asked.model is not None:
            span.request_model = self._model
            call.versions["deployment"] = self.deployment.id
        self.asked_upstream = False
        self._read = len(body) + _PER_LINK * (body.count(b'"url"') + body.count(b'"image_url"'))
        self._watch: AnswerWatch | None = None
        self._ticket: Ticket | None = None
        self._place: Ticket | None = None
        self._reservation: Reservation | None = None
        self._hold: Hold | None = None
        self._accounts: Accounts | None = None
        self._ended = False

    async def admit(self, users: Limits) -> None:
        """Take from the limits, those of the model's deployment included, and hold the bound. Raises TooManyRequests,
        NoRoom, BudgetExceeded or ConfigError."""
        call, limiter, deployment = self.call, self._rooms.limiter, self.deployment
        written = USUAL_ANSWER if self._asked.output is None else self._asked.output
        estimate = 1 if self._asked.free else estimate_tokens(len(self._body)) + written
        if limiter.applies(call, _NO_LIMITS, users):
            self._ticket = await limiter.admit(call, _NO_LIMITS, self._model, users, estimate)
            call.headers += self._ticket.headers
        if deployment.limited:
            self._place = await limiter.try_deployment(deployment.id, deployment.limits, estimate, new_id())
            if self._place is None:
                raise NoRoom(f"Deployment '{deployment.id}' has no room of its own left.")
        if not self._asked.free:
            await self._reserve()

    def answered(self, status: int, watch: AnswerWatch) -> AnswerWatch:
        self.span.attributes["http_status"] = status
        self._watch = watch
        return watch

    def fail(self, error: BaseException) -> None:
        self.span.fail(self.call.reason(error))

    def end(self) -> None:
        """Price what was used, settle and record. Only the first time counts."""
        if self._ended:
            return
        self._ended = True
        span = self.span
        if not self._asked.free:
            self._price()
        tokens = 0 if span.usage is None else span.usage.input_tokens + span.usage.output_tokens
        if self._hold is not None and self._reservation is not None and self._accounts is not None:
            self._hold.settle(span.cost_nano, tokens, self.deployment.id)
            span.charge_id = self._reservation.id
            span.accounts = self._accounts.charged(self.deployment.id)
        for ticket in (self._ticket, self._place):
            if ticket is not None and self.asked_upstream:
                ticket.settle(tokens)
            elif ticket is not None:
                ticket.cancel()
        self.call.finish(span)

    async def _reserve(self) -> None:
        call, span, deployment = self.call, self.span, self.deployment
        written = DEFAULT_OUTPUT if self._asked.output is None else self._asked.output
        known = [nano for model in self._asked.models if (nano := self._most(model, written)) is not None]
        nano = max(known, default=None)
        reservation = Reservation(
            new_id(), call.project_id, call.trace_id, span.start_us, span.start_us + _LASTS_US, [], nano,
            self._read + written, call.endpoint, deployment.kind, deployment.id, deployment.model,
        )  # fmt: skip
        accounts = self._rooms.budgets.accounts(call, self._model, (deployment.id,))
        reservation.accounts = accounts.charged(deployment.id)
        hold = await self._rooms.budgets.reserve(reservation, accounts)
        try:
            call.recorder.record(reservation)
        except BaseException:
            hold.cancel()
            raise
        self._reservation, self._hold, self._accounts = reservation, hold, accounts

    def _most(self, model: str, written: int) -> int | None:
        """The price of the bound; without output where a model has no price of it, since it writes nothing."""
        prices, kind, name = self._rooms.prices, self.deployment.price_kind, self.deployment.provider.name
        at = self.span.start_us
        nano = prices.most(kind, model, self._read, written, at, provider=name)
        return prices.most(kind, model, self._read, 0, at, provider=name) if nano is None else nano

    def _price(self) -> None:
        span, watch = self.span, self._watch
        if watch is not None and watch.model is not None:
            span.response_model = watch.model[:256]
        span.usage = self._usage()
        if span.usage is None:
            return
        if span.attributes.get("charged") == "bound" and self._reservation is not None:
            span.cost_nano = self._reservation.nano
        else:
            span.cost_nano = self._cost(span.usage)
        span.cost_known = span.cost_nano is not None

    def _usage(self) -> Usage | None:
        """What the provider told, an estimate of what was seen, or the bound; None where nothing was used."""
        span, watch = self.span, self._watch
        if span.status == "error" or not self.asked_upstream:
            return None
        read = estimate_tokens(len(self._body))
        if watch is None:  # the caller left before an answer
            return Usage(read, 0, estimated=True)
        told = watch.usage
        if told is not None and span.status == "ok":
            return told
        if watch.written or span.status == "cancelled":
            before = told or Usage(read)
            return Usage(before.input_tokens, max(watch.written, before.output_tokens), before.cached_tokens,
                         before.cache_write_tokens, estimated=True)  # fmt: skip
        if self._asked.model is None:
            return None  # an upload, or the like
        span.attributes["charged"] = "bound"
        written = DEFAULT_OUTPUT if self._asked.output is None else self._asked.output
        return Usage(self._read, written, estimated=True)

    def _cost(self, usage: Usage) -> int | None:
        deployment, prices, at = self.deployment, self._rooms.prices, self.span.start_us
        for model in (*self._asked.models, self.span.response_model):
            if model:
                nano = prices.cost(deployment.price_kind, model, usage, at, provider=deployment.provider.name)
                if nano is not None:
                    return nano
        return None
