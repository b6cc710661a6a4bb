"""Alerts while a server runs: evaluated every so often by one process of all, their messages carried to the channels.
Days that have ended are compared with those before, first.

Budgets past their soft limit become alerts, too: each process notices those of its own calls, and the book takes each
once. Knows nothing of rules.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from pilothouse.access.alerts import Alert as BudgetAlert
from pilothouse.alerts.book import Book, Noticed
from pilothouse.alerts.evaluator import Done, Evaluator, channels_for
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.ids import now_us
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.outbox import Outbox
from pilothouse.notify.postman import Postman
from pilothouse.observe.money import usd
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.storage.turns import Turn

__all__ = ["BUDGET_RULE", "AlertWatch", "budget_noticed"]

BUDGET_RULE = "budget"
"""The rule by which alerts of budgets go; its level is the budget's own `alert_at`."""

_DAY_US = 24 * 3_600_000_000
_OFTEN = 5.0  # seconds between looks at the outbox, which other processes and commands put into
_CLEANED_US = 3_600_000_000
_log = logging.getLogger(__name__)


class AlertWatch:
    """`run` for as long as the process serves; `projects` lists those there are, and blocks."""

    def __init__(
        self, evaluator: Evaluator, drifts: Drifts, book: Book, outbox: Outbox, postman: Postman, turn: Turn,
        config: Callable[[], AlertsConfig], projects: Callable[[], Sequence[str]],
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self._evaluator = evaluator
        self._drifts = drifts
        self._book = book
        self._outbox = outbox
        self._postman = postman
        self._turn = turn
        self._config = config
        self._projects = projects
        self._clock = clock
        self._due_us = self._clean_us = 0
        self._budgets: list[BudgetAlert] = []

    def budget(self, alert: BudgetAlert) -> None:
        """Note that a budget has passed its soft limit; from any thread, and at once: the rest is done by `run`."""
        self._budgets.append(alert)

    async def run(self) -> None:
        """Never ends by itself."""

        async def work() -> float:
            await self.tick()
            return min(_OFTEN, self._config().every)

        await self._turn.serve(work, again=_OFTEN, failing="Alerts are not evaluated", logger=_log)

    async def tick(self) -> Done | None:
        """What is due now: the evaluation, and what the outbox holds. None where no evaluation was."""
        await asyncio.to_thread(self._take_budgets)
        if not await asyncio.to_thread(self._turn.take):
            return None
        done = None
        if self._clock() >= self._due_us:
            config = self._config()
            self._due_us = self._clock() + int(config.every * 1e6)
            projects = await asyncio.to_thread(self._projects)
            await asyncio.to_thread(self._drifts.catch_up, projects)
            done = await asyncio.to_thread(self._evaluator.evaluate, config, projects)
        if self._clock() >= self._clean_us:
            self._clean_us = self._clock() + _CLEANED_US
            await asyncio.to_thread(self._outbox.forget)
        await self._postman.carry()
        return done

    def _take_budgets(self) -> None:
        config = self._config()
        while self._budgets:
            alert = self._budgets[0]
            if config.enabled:
                self._book.open(DEFAULT_PROJECT, budget_noticed(alert, config), standing=False)
            self._budgets.pop(0)


def budget_noticed(alert: BudgetAlert, config: AlertsConfig) -> Noticed:
    """What is to be said of a budget that passed its soft limit."""
    parts = []
    if alert.limit_nano is not None:
        parts.append(f"{usd(alert.nano)} of {usd(alert.limit_nano)}")
    if alert.limit_tokens is not None:
        parts.append(f"{alert.tokens:,} of {alert.limit_tokens:,} tokens")
    money = alert.limit_nano is not None
    until = f" The period ends before {alert.ends}." if alert.ends else ""
    return Noticed(
        rule=BUDGET_RULE,
        subject=alert.fund,
        severity="warning",
        text=f"The budget {alert.fund} has passed its soft limit: {', '.join(parts)}.{until}",
        link="/console/budgets",
        value=float(alert.nano if money else alert.tokens),
        expected=float((alert.limit_nano if money else alert.limit_tokens) or 0),
        samples=0,
        channels=channels_for(BUDGET_RULE, config),
        ends_us=None if alert.ends is None else (alert.ends.toordinal() - _EPOCH) * _DAY_US,
    )


_EPOCH = 719_163  # date(1970, 1, 1).toordinal()
