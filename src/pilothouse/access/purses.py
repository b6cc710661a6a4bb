"""Purses: an account's budget per period, as the fund that it is on a given day; and which purses a call draws on.

Compiled once per principal, user, alias and deployment, so that a call without budgets costs next to nothing. Knows
nothing of counters and of what was spent.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from pilothouse.access.periods import Window, window
from pilothouse.call import Call
from pilothouse.config import Budget, Config, Period
from pilothouse.observe.costs.charges import account_name, home_of
from pilothouse.principal import Principal
from pilothouse.storage.counters import Fund

__all__ = ["Accounts", "Purse", "Purses", "purses_of"]

_NANO = 9
_KEPT = 10_000  # callers choose users' names: tables stay bounded

K = TypeVar("K")
V = TypeVar("V")


class Purse:
    """What one account may spend per period: `nano` (nano-USD) and `tokens`, None where that does not limit.

    `project_id` is where its balances are kept. `soft_nano` and `soft_tokens` are the soft limit.
    """

    __slots__ = (
        "_current", "account", "nano", "period", "project_id", "soft_nano", "soft_tokens", "tokens",
    )  # fmt: skip

    def __init__(self, account: str, project_id: str, period: Period, budgets: Sequence[Budget]) -> None:
        self.account = account_name(account)
        self.project_id = home_of(account, project_id)
        self.period = period
        dollars = [(b.usd, Decimal(str(b.alert_at))) for b in budgets if b.usd is not None]
        tokens = [(b.tokens, Decimal(str(b.alert_at))) for b in budgets if b.tokens is not None]
        self.nano = min((_nano(usd) for usd, _ in dollars), default=None)
        self.tokens = min((most for most, _ in tokens), default=None)
        self.soft_nano = min((_nano(usd * share) for usd, share in dollars), default=None)
        self.soft_tokens = min((int(most * share) for most, share in tokens), default=None)
        self._current = self._at(0)

    def window(self, day: int) -> Window:
        """The period that `day` lies in."""
        return self._on(day)[0]

    def fund(self, day: int) -> Fund:
        """The fund of that day."""
        return self._on(day)[1]

    def is_soft(self, nano: int, tokens: int) -> bool:
        """Whether this much is past the soft limit."""
        return (self.soft_nano is not None and nano >= self.soft_nano) or (
            self.soft_tokens is not None and tokens >= self.soft_tokens
        )

    def _on(self, day: int) -> tuple[Window, Fund]:
        current = self._current
        if not current[0].first <= day < current[0].end:
            current = self._current = self._at(day)
        return current

    def _at(self, day: int) -> tuple[Window, Fund]:
        days = window(self.period, day)
        return days, Fund(f"{self.account}|{days.fund}", self.nano, self.tokens)


def purses_of(account: str, project_id: str, budgets: Iterable[Budget]) -> tuple[Purse, ...]:
    """One purse per period; of several budgets for one period the tightest limits count."""
    by_period: dict[Period, list[Budget]] = {}
    for budget in budgets:
        by_period.setdefault(budget.period, []).append(budget)
    return tuple(Purse(account, project_id, period, some) for period, some in by_period.items())


class Accounts(NamedTuple):
    """What a call is counted for: `names` whether or not they have budgets, `purses` where they have.

    `candidates` are the deployments that may answer, with their own purses, where any of them has one.
    """

    names: tuple[str, ...]
    purses: tuple[Purse, ...] = ()
    candidates: tuple[tuple[str, tuple[Purse, ...]], ...] = ()

    def charged(self, deployment: str | None) -> list[str]:
        """The accounts of a call that this deployment answered: what goes to `Span.accounts`."""
        return [*self.names] if deployment is None else [*self.names, f"deployment:{deployment}"]


class Purses:
    """The purses under one configuration."""

    def __init__(self, config: Config) -> None:
        self._users = config.users.budgets
        self._models = {alias: model.budgets for alias, model in config.models.items()}
        budgets: dict[str, list[Budget]] = {}
        for model in config.models.values():
            for deployment in model.deployments:
                budgets.setdefault(deployment.id, []).extend(deployment.budgets)
        self.deployments = {
            identifier: purses_of(f"deployment:{identifier}", "", some) for identifier, some in budgets.items() if some
        }
        self._of_principal: dict[Principal, tuple[tuple[str, ...], tuple[Purse, ...]]] = {}
        self._of_user: dict[tuple[str, str], tuple[Purse, ...]] = {}
        self._of_model: dict[tuple[str, str], tuple[str, tuple[Purse, ...]]] = {}

    def accounts(self, call: Call, model: str, deployments: Iterable[str] = ()) -> Accounts:
        """What this call to `model` is counted for. `deployments` are the ids of its candidates."""
        project = call.project_id
        names, purses = _kept(self._of_principal, call.principal, _of_principal)
        alias, of_model = _kept(self._of_model, (project, model), self._compile_model)
        if call.user_id is None:
            names = (*names, alias)
        else:
            names = (*names, _user(project, call.user_id), alias)
            if self._users:
                purses += _kept(self._of_user, (project, call.user_id), self._compile_user)
        if not self.deployments:
            return Accounts(names, purses + of_model)
        candidates = tuple(
            (identifier, self.deployments.get(identifier, ())) for identifier in dict.fromkeys(deployments)
        )
        return Accounts(names, purses + of_model, candidates if any(own for _, own in candidates) else ())

    def of_models(self, project_id: str) -> Iterable[Purse]:
        """The purses of every alias, in one project."""
        for alias in self._models:
            yield from self._compile_model((project_id, alias))[1]

    def _compile_user(self, place: tuple[str, str]) -> tuple[Purse, ...]:
        return purses_of(_user(*place), place[0], self._users)

    def _compile_model(self, place: tuple[str, str]) -> tuple[str, tuple[Purse, ...]]:
        account = account_name(f"model:{place[0]}/{place[1]}")
        return account, purses_of(account, place[0], self._models.get(place[1], ()))


def _user(project_id: str, user_id: str) -> str:
    return account_name(f"user:{project_id}/{user_id}")


def _of_principal(principal: Principal) -> tuple[tuple[str, ...], tuple[Purse, ...]]:
    purses = [p for level in principal.levels for p in purses_of(level.account, principal.project_id, level.budgets)]
    return tuple(level.account for level in principal.levels), tuple(purses)


def _kept(table: dict[K, V], key: K, make: Callable[[K], V]) -> V:
    found = table.get(key)
    if found is None:
        if len(table) >= _KEPT:
            table.clear()
        found = table[key] = make(key)
    return found


def _nano(usd: Decimal) -> int:
    return int(usd.scaleb(_NANO))
