"""The rooms that the console's pages read from and act on, as one argument. Knows nothing of pages."""

from collections.abc import Callable
from dataclasses import dataclass

from pilothouse.access import Audit, Keys, Members, Tenants
from pilothouse.access.budgets import Budgets
from pilothouse.agents.approvals import Approvals
from pilothouse.alerts.rooms import AlertRooms
from pilothouse.cache import Caches
from pilothouse.call import Recorder
from pilothouse.evals.cards.duels import Duels
from pilothouse.evals.cards.judges import JudgeRoom
from pilothouse.evals.cards.planned import named_by
from pilothouse.gateway import Gateway, Router
from pilothouse.gateway.reliability.health import Health
from pilothouse.lifecycle.deletions import Deletions
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.lifecycle.optimizing.queueing import Searching
from pilothouse.lifecycle.paying import Payers
from pilothouse.lifecycle.prompting.queueing import Judging
from pilothouse.lifecycle.prompting.rooms import PromptRooms
from pilothouse.lifecycle.sentinel.standing import Standing
from pilothouse.lifecycle.shadow import ShadowReports
from pilothouse.observe import Prices
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.topics.report import TopicReports
from pilothouse.protocols import Chat
from pilothouse.storage import Store
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.storage.evaluating.reviews import Reviews

__all__ = ["ConsoleRooms"]


@dataclass(frozen=True, slots=True)
class ConsoleRooms:
    """What the pages of the gateway need. `router` gives the Router that serves now, `trouble` says what is away, or
    None; `process` names this one, and `several` says whether others may serve beside it. By `chat`, the gateway's
    path, the playground asks; `recorder` takes its spans, and `patience` are the seconds that a call may last.
    `judging` has versions of prompts evaluated, `searching` better ones looked for. `gateway` is the path itself,
    for its guards."""

    keys: Keys
    tenants: Tenants
    members: Members
    audit: Audit
    budgets: Budgets
    ledger: Ledger
    health: Health
    prices: Prices
    caches: Caches
    live: LiveConfig
    router: Callable[[], Router]
    store: Store
    trouble: Callable[[], str | None]
    process: str
    several: bool
    alerts: AlertRooms
    figures: Figures
    prompts: PromptRooms
    chat: Chat
    recorder: Recorder
    patience: float
    judging: Judging
    searching: Searching
    gateway: Gateway

    @property
    def approvals(self) -> Approvals:
        return Approvals(self.store)

    @property
    def shadows(self) -> ShadowReports:
        return ShadowReports(self.store.observe)

    @property
    def deletions(self) -> Deletions:
        return Deletions(self.store)

    @property
    def runs(self) -> EvalRuns:
        return EvalRuns(self.store)

    @property
    def judges(self) -> JudgeRoom:
        return JudgeRoom(self.store, named_by(self.live.snapshot.config))

    @property
    def duels(self) -> Duels:
        return Duels(self.store, named_by(self.live.snapshot.config))

    @property
    def datasets(self) -> Datasets:
        return Datasets(self.store)

    @property
    def reviews(self) -> Reviews:
        return Reviews(self.store)

    @property
    def sentinel(self) -> Standing:
        return Standing(self.store, self.alerts.book, self.payers, lambda: self.live.snapshot.config)

    @property
    def payers(self) -> Payers:
        return Payers(self.keys, self.ledger)

    @property
    def topics(self) -> TopicReports:
        return TopicReports(self.store)
