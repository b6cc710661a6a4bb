"""Budgets: an upper bound is held before a provider is asked, and becomes what the call cost once the ledger has it.

What a fund has settled is always the ledger's own sum; the counters add what is held by calls that it does not have
yet. So a counter that is lost is made anew from the ledger. Knows nothing of how calls are priced or recorded.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from pilothouse.access.alerts import Alert, Alerts
from pilothouse.access.periods import window
from pilothouse.access.purses import Accounts, Purse, Purses
from pilothouse.access.refusals import exceeded, without_price
from pilothouse.call import Call, Reservation
from pilothouse.config import Config, Period
from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.observe import Metrics
from pilothouse.observe.costs.charges import Charge, day_of, home_of
from pilothouse.observe.costs.ledger import Place, Spent
from pilothouse.storage.counters import Counters, Fund, Standing

__all__ = ["Balances", "BudgetStanding", "Budgets", "Hold"]

_logger = logging.getLogger(__name__)
_PERIODS: tuple[Period, ...] = get_args(Period)
_ROUNDS = 3
_KNOWN = 100_000
_DOUBT_US = 5_000_000
_NOTHING = Standing(0, 0, 0, 0, 0)


class Balances(Protocol):
    """Reads the ledger's sums, and which calls it has entered; blocks. `observe.Ledger` is one."""

    def spent(self, places: Sequence[Place]) -> list[Spent]: ...

    def entered(self, project_id: str, ids: Sequence[str]) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """Where a purse stands in the current period. `held` is what running calls may still cost."""

    purse: Purse
    nano: int
    tokens: int
    held_nano: int
    held_tokens: int


@dataclass(slots=True)
class Hold:
    """What is held for one call. `full` names the deployments whose own budgets have no room for it: not to be asked.

    End it with `settle` before the span is recorded, or with `cancel` where nothing is recorded. Both return at once,
    and do nothing the second time.
    """

    id: str
    counters: Counters
    funds: Sequence[Fund] = ()
    of_deployments: Mapping[str, Sequence[Fund]] = field(default_factory=dict)
    full: frozenset[str] = frozenset()
    _ended: bool = False

    def settle(self, nano: int | None, tokens: int, deployment: str | None = None) -> None:
        """The call cost this much, and `deployment` answered it. A price that is unknown counts as 0."""
        if self._ended:
            return
        self._ended = True
        if self.funds:
            self.counters.settle(self.id, self.funds, nano or 0, tokens)
        for identifier, funds in self.of_deployments.items():
            mine = identifier == deployment
            self.counters.settle(self.id, funds, (nano or 0) if mine else 0, tokens if mine else 0)

    def cancel(self) -> None:
        """Nothing was asked of any provider."""
        self.settle(0, 0)


class Budgets:
    """Holds and settles against every budget that a call touches.

    `on_down` says what happens while the counters, or the database behind an unknown fund, are away: calls pass
    unchecked (open), or StorageError (closed). `tell` hears of each budget that passes its soft limit.
    """

    def __init__(
        self,
        counters: Counters,
        balances: Balances,
        config: Config | None = None,
        *,
        on_down: Literal["open", "closed"] = "closed",
        metrics: Metrics | None = None,
        tell: Callable[[Alert], None] | None = None,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._counters = counters
        self._balances = balances
        self._open_when_down = on_down == "open"
        self._clock = clock
        self._alerts = Alerts(metrics, tell)
        self._known: dict[str, dict[Period, Purse]] = {}
        self._doubted: dict[str, int] = {}
        self._unposted: list[tuple[Charge, bool]] = []
        self._posting = threading.Lock()
        self.unchecked = 0
        if metrics is not None:
            text = "Calls that passed while budgets could not be checked."
            metrics.pull("counter", "pilothouse_budget_unchecked_calls", text, lambda: self.unchecked)
        self.configure(config or Config())

    def configure(self, config: Config) -> None:
        """Go on with the budgets of this configuration."""
        self._refuse_unpriced = config.unpriced == "refuse"
        self.purses = Purses(config)

    def accounts(self, call: Call, model: str, deployments: Iterable[str] = ()) -> Accounts:
        """What this call to `model` (an alias) is counted for. `deployments` are the ids of its candidates."""
        return self.purses.accounts(call, model, deployments)

    async def reserve(
        self, reservation: Reservation, accounts: Accounts, unpriced: Callable[[], str | None] | None = None
    ) -> Hold:
        """Hold the reservation's bound in every fund of `accounts`, or in none.

        `unpriced` is asked, where a budget in USD is to be kept, for a candidate without a price (see
        `bounds.first_unpriced`); without it a reservation without `nano` is one. The reservation's `at_us` must be the
        `start_us` of the span that will settle it, so that both fall on the same day. Where a deployment's own budget
        has no room, the hold names it in `full` while another candidate is left. Raises BudgetExceeded; ConfigError for
        a call of unknown price against a budget in USD; StorageError (see `on_down`).
        """
        if not accounts.purses and not accounts.candidates:
            return Hold(reservation.id, self._counters)
        try:
            if self._refuse_unpriced:
                _check_priced(reservation, accounts, unpriced)
            return await self._reserve(reservation, accounts)
        except StorageError:
            if not self._open_when_down:
                raise
            self.unchecked += 1
            return Hold(reservation.id, self._counters)

    async def renew(self, call: Call) -> None:
        """Bring what a caller has spent up to date with the ledger, which other processes may have written to since we
        last looked."""
        await self._meet(self.purses.accounts(call, "").purses, day_of(self._clock()))

    def posted(self, charges: Sequence[Charge], *, foreign: bool) -> None:
        """Bring the new sums of what these charges touch to the counters; called by the drainer, from its thread.

        For `foreign` charges, of processes that are gone, every fund that may exist is posted.
        """
        with self._posting:
            waiting = [*self._unposted, *((charge, foreign) for charge in charges)]
            touched: dict[Fund, tuple[Place, list[str]]] = {}
            watched: dict[Fund, tuple[Purse, int]] = {}
            for charge, everywhere in waiting:
                self._collect(charge, everywhere, touched, watched)
            places = [place for place, _ in touched.values()]
            try:
                sums = self._balances.spent(places) if places else []
            except StorageError as error:
                self._unposted = waiting[-_KNOWN:]
                _logger.warning("Budgets could not be brought up to date, which is tried again: %s", error)
                return
            self._unposted = []
            for (fund, (_, holds)), spent in zip(touched.items(), sums, strict=True):
                self._counters.post(fund.name, spent.nano, spent.tokens, spent.version, holds)
                if fund in watched:
                    purse, day = watched[fund]
                    self._alerts.look(purse, day, spent.nano, spent.tokens)

    def alerts(self) -> list[Alert]:
        """The budgets past their soft limit, as far as this process has seen them, in the current periods."""
        return self._alerts.list(day_of(self._clock()))

    async def standings(self, purses: Sequence[Purse]) -> list[BudgetStanding]:
        """Where these purses stand now: settled as the ledger says, held as the counters say."""
        day = day_of(self._clock())
        names = [purse.fund(day).name for purse in purses]
        held = await self._counters.standings(names)
        holding = [(purse, n) for purse, n, s in zip(purses, names, held, strict=True) if s and _holds(s)]
        if doubtful := [purse for purse, name in holding if self._doubts(name)]:
            await self._meet(doubtful, day)
            held = await self._counters.standings(names)
        sums = await asyncio.to_thread(self._balances.spent, [_place(purse, day) for purse in purses])
        return [
            BudgetStanding(purse, spent.nano, spent.tokens, (s or _NOTHING).held_nano, (s or _NOTHING).held_tokens)
            for purse, spent, s in zip(purses, sums, held, strict=True)
        ]

    async def _reserve(self, r: Reservation, accounts: Accounts) -> Hold:
        day, full, rounds = day_of(r.at_us), set[str](), _ROUNDS
        while rounds:
            left = [(name, own) for name, own in accounts.candidates if name not in full]
            purses = [*accounts.purses, *(purse for _, own in left for purse in own)]
            if fresh := [purse for purse in purses if purse.period not in self._known.get(purse.account, ())]:
                await self._meet(fresh, day)
            funds = [purse.fund(day) for purse in purses]
            refused, unknown = await self._counters.reserve(r.id, funds, r.nano or 0, r.tokens, r.expires_us)
            if unknown:
                rounds -= 1
                await self._load(purses, day)  # all of them: what is unused for long may be forgotten at any posting
                continue
            if refused is None:
                self._remember(purses)
                common = len(accounts.purses)
                own_funds = {name: [purse.fund(day) for purse in own] for name, own in left if own}
                return Hold(r.id, self._counters, funds[:common], own_funds, frozenset(full))
            purse = purses[refused]
            owner = next((name for name, own in left if purse in own), None)
            if owner is None or len(left) == 1:
                standing = (await self._counters.standings([funds[refused].name]))[0] or _NOTHING
                if _holds(standing) and self._doubts(funds[refused].name):
                    await self._meet([purse], day)
                    continue
                raise exceeded(purse, day, standing, r.nano or 0, r.tokens)
            full.add(owner)
        raise StorageError("The counters of budgets keep forgetting what they are told; ask again.")

    def _doubts(self, fund: str) -> bool:
        """Whether to look if what is held there is held rightly, before a call is refused for it or it is shown: not
        all the time."""
        now = self._clock()
        if 0 <= now - self._doubted.get(fund, -_DOUBT_US) < _DOUBT_US:
            return False
        if len(self._doubted) >= _KNOWN:
            self._doubted.clear()
        self._doubted[fund] = now
        return True

    async def _meet(self, purses: Sequence[Purse], day: int) -> None:
        """Post what the ledger says of purses that are new here: their funds may be there from before, and nobody has
        kept those up to date of late. With the database away they count as they are."""
        with suppress(StorageError):
            await self._load(purses, day)
            self._remember(purses)

    async def _load(self, purses: Sequence[Purse], day: int) -> None:
        """Post what the ledger says of these purses' funds, and which of their holds it has entered: a process that was
        killed right after it entered a call could not say so any more."""
        held = await self._counters.holds([purse.fund(day).name for purse in purses])
        sums, entered = await asyncio.to_thread(self._read, purses, day, held)
        for purse, spent, holds in zip(purses, sums, entered, strict=True):
            self._counters.post(purse.fund(day).name, spent.nano, spent.tokens, spent.version, holds)
            self._alerts.look(purse, day, spent.nano, spent.tokens)

    def _read(
        self, purses: Sequence[Purse], day: int, held: Sequence[Sequence[str]]
    ) -> tuple[list[Spent], list[list[str]]]:
        """The sums, read last: they have whatever is said to be entered."""
        entered = [
            sorted(self._balances.entered(purse.project_id, holds)) if holds else []
            for purse, holds in zip(purses, held, strict=True)
        ]
        return self._balances.spent([_place(purse, day) for purse in purses]), entered

    def _remember(self, purses: Iterable[Purse]) -> None:
        """Which funds there are for an account, so that a charge to it brings them up to date."""
        for purse in purses:
            periods = self._known.get(purse.account)
            if periods is None:
                if len(self._known) >= _KNOWN:
                    del self._known[next(iter(self._known))]
                periods = self._known[purse.account] = {}
            periods[purse.period] = purse

    def _collect(
        self,
        charge: Charge,
        everywhere: bool,
        touched: dict[Fund, tuple[Place, list[str]]],
        watched: dict[Fund, tuple[Purse, int]],
    ) -> None:
        """Add the funds of one charge, with the holds that the ledger has now."""
        day, hold = charge.day, charge.id.removesuffix("+")
        for account in charge.accounts:
            known = self._known.get(account, {})
            for purse in list(known.values()):
                fund = purse.fund(day)
                touched.setdefault(fund, (_place(purse, day), []))[1].append(hold)
                watched[fund] = purse, day
            if everywhere:
                for period in _PERIODS:
                    if period not in known:
                        days = window(period, day)
                        place = Place(home_of(account, charge.project_id), account, days.first, days.end)
                        touched.setdefault(Fund(f"{account}|{days.fund}"), (place, []))[1].append(hold)


def _holds(standing: Standing) -> bool:
    return bool(standing.held_nano or standing.held_tokens)


def _place(purse: Purse, day: int) -> Place:
    days = purse.window(day)
    return Place(purse.project_id, purse.account, days.first, days.end)


def _check_priced(r: Reservation, accounts: Accounts, unpriced: Callable[[], str | None] | None) -> None:
    purses = [*accounts.purses, *(purse for _, own in accounts.candidates for purse in own)]
    purse = next((purse for purse in purses if purse.nano is not None), None)
    if purse is None:
        return
    missing = unpriced() if unpriced is not None else f"'{r.model}' at '{r.provider}'" if r.nano is None else None
    if missing is not None:
        raise without_price(purse, missing)
