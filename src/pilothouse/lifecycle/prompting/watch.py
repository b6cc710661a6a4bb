"""Watches the versions that labels have: one that does worse in production than the one before raises an alert, and
where that is wanted the label goes back. One process does it for all that share a database.

A label is watched since its last promotion; a rollback ends that, so that none is answered by another. Knows nothing of
how two versions are compared.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from urllib.parse import quote

import msgspec

from pilothouse.access.audit import Actor
from pilothouse.alerts.book import Book, Noticed
from pilothouse.alerts.evaluator import channels_for
from pilothouse.config import Config
from pilothouse.errors import PilothouseError, StorageError
from pilothouse.evals.registry import Evaluators
from pilothouse.ids import now_us
from pilothouse.lifecycle.prompting.comparing import Figure, Scales, compared, said
from pilothouse.lifecycle.scoring.rules import made
from pilothouse.observe.prompt_calls import PromptCalls, Sums
from pilothouse.prompting import PromptWatch
from pilothouse.prompts.experiments.book import running
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.prompting.watches import Standing, Watched, Watches
from pilothouse.storage.turns import Turn

__all__ = ["PROMPT_RULE", "WATCH", "VersionWatch"]

PROMPT_RULE = "prompt"
"""The rule by which alerts of versions go; their subject is the prompt and the label."""
WATCH = Actor("watch", "environment")
"""Who moves a label back by itself."""

_AGAIN = 60.0  # seconds
_DAY_US = 86_400_000_000
_SPARSER = 50  # a version is looked at once more when the time since it came has grown by a part in so many
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Seen:
    """The `body` of a Watched: sums of the version before until the move, scales, and the figures of the last look."""

    before: Sums | None = None
    scales: Scales = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    says: str | None = None
    failed: str | None = None


class VersionWatch:
    """`run` for as long as the process serves. `config` is what serves now."""

    def __init__(
        self, store: Store, prompts: Prompts, book: Book, config: Callable[[], Config], *, turn: Turn,
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self.watches = Watches(store.control)
        self._control = store.control
        self._prompts = prompts
        self._book = book
        self._calls = PromptCalls(store)
        self._config = config
        self._turn = turn
        self._clock = clock

    async def run(self) -> None:
        """Never ends by itself."""
        await self._turn.serve(self.look, again=_AGAIN, failing="Versions of prompts are not watched", logger=_log)

    async def look(self) -> float:
        """What is due, where it is this process's turn. In how many seconds to look again."""
        if await asyncio.to_thread(self._turn.take):
            await asyncio.to_thread(self.tick)
        return self._config().prompts.watch.every

    def tick(self, *, now: bool = False, project: str | None = None, name: str | None = None) -> list[Watched]:
        """Look at the labels that are due, with `now` at all; of one project, or one prompt of it, where that is said.
        Blocks on the database."""
        config = self._config()
        watch, at = config.prompts.watch, self._clock()
        standing = self._standing(watch, at) if watch.enabled else []
        standing = [one for one in standing if project in (None, one.project_id) and name in (None, one.name)]
        known = {(one.project_id, one.prompt, one.label): one for one in self.watches.of(project, name)}
        for place in known.keys() - {(one.project_id, one.name, one.label) for one in standing}:
            self._end(known[place], "The label was moved, or is watched no more.")
            self.watches.drop(*place)
        looked, lower = list[Watched](), _lower(config)
        for one in standing:
            before = known.get((one.project_id, one.name, one.label))
            if before is not None and before.move_id != one.move_id:
                self._end(before, f"The label points to version {one.version} now.")
                before = None
            if now or before is None or self._due(one, before, watch, at):
                looked.append(self._look(config, one, before, at, lower))
        return looked

    def _standing(self, watch: PromptWatch, at: int) -> Sequence[Standing]:
        found = self.watches.standing(watch.labels, at - watch.days * _DAY_US)
        return [one for one in found if any(fnmatchcase(one.name, pattern) for pattern in watch.prompts)]

    def _due(self, one: Standing, before: Watched, watch: PromptWatch, at: int) -> bool:
        rest = max(int(watch.every * 1e6), (before.looked_us - one.at_us) // _SPARSER)
        return at - before.looked_us >= rest

    def _look(self, config: Config, one: Standing, known: Watched | None, at: int, lower: set[str]) -> Watched:
        watch = config.prompts.watch
        place = one.project_id, one.name, one.label
        watched = known or Watched(*place, one.move_id, None, False, at, {})
        seen = msgspec.convert(watched.body, _Seen)
        if seen.before is None:
            since = one.at_us - watch.days * _DAY_US
            seen.before = self._sums(one, one.before, since, one.at_us)
        after = self._sums(one, one.version, one.at_us, at)
        if seen.before is not None and after is not None:
            seen.figures, seen.scales = compared(seen.before, after, watch, seen.scales, lower)
        worse = [figure for figure in seen.figures if figure.got_worse]
        seen.failed = seen.failed if watched.acted else None
        if worse:
            seen.says = _sentence(one, worse)
            watched = self._act(config, one, watched, seen, worse)
        watched = replace(watched, looked_us=at, body=msgspec.to_builtins(seen))
        self.watches.put(watched)
        return watched

    def _sums(self, one: Standing, version: int, since: int, until: int) -> Sums | None:
        found = self._calls.totals(one.project_id, one.name, since, until, label=one.label, version=version)
        return found.get(version)

    def _act(self, config: Config, one: Standing, watched: Watched, seen: _Seen, worse: Sequence[Figure]) -> Watched:
        """Raise the alert, and move the label back, each once for a move. What an experiment runs on stays until that
        has ended."""
        assert seen.says is not None
        watch = config.prompts.watch
        grave = any(_kind(one) in watch.rollback_on or one.name in watch.rollback_on for one in worse)
        to_move = watch.rollback and grave and not watched.acted
        if to_move and not watch.rollback_in_experiments:
            seen.failed = self._held(one)
        if watched.alert_id is None and config.alerts.enabled:
            text = f"{seen.says} {seen.failed}" if seen.failed else seen.says
            what = _noticed(one, text, worse[0], channels_for(PROMPT_RULE, config.alerts))
            made = self._book.open(one.project_id, what, standing=False)
            found = made.id if made is not None else self._book.opened(one.project_id, what.rule, what.subject)
            watched = replace(watched, alert_id=found)  # another process may have been faster
        if to_move and seen.failed is None:
            self.watches.put(replace(watched, body=msgspec.to_builtins(seen)))
            try:
                self._prompts.rollback(
                    one.project_id, one.name, one.label, by=WATCH, reason=seen.says, expected=one.version
                )  # fmt: skip
            except StorageError:
                raise
            except PilothouseError as error:  # somebody was faster, or there is no way back
                seen.failed = error.message
                _log.warning("'%s' of the prompt '%s' could not go back: %s", one.label, one.name, error.message)
            watched = replace(watched, acted=True)
        return watched

    def _held(self, one: Standing) -> str | None:
        """Why the label stays for now: an experiment runs on it, whose units a move would tear apart."""
        with self._control.connect() as connection:
            found = [other for other in running(connection, one.project_id) if other.status == "running"]
        for other in found:
            if other.about == f"prompt:{one.name}#{one.label}":
                return f"The experiment '{other.name}' runs on it: the label goes back once that has ended, if it must."
        return None

    def _end(self, watched: Watched, why: str) -> None:
        if watched.alert_id is not None:
            self._book.clear(watched.project_id, watched.alert_id, why)


def _lower(config: Config) -> set[str]:
    """The names of the scores that online rules give and that are good when low."""
    there, found = Evaluators(), set[str]()
    for name, rule in config.evals.online.items():
        evaluators = made(rule.evaluators, f"evals.online.{name}.evaluators", there)
        found |= {one.name for one in evaluators if one.lower_is_better}
    return found


def _kind(figure: Figure) -> str:
    return "scores" if figure.name.startswith("score:") else figure.name


def _sentence(one: Standing, worse: Sequence[Figure]) -> str:
    since = datetime.fromtimestamp(one.at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")
    figures = "; ".join(map(said, worse))
    return f"{one.name}@{one.version} does worse than @{one.before} since {since} (UTC): {figures}."


def _noticed(one: Standing, text: str, worst: Figure, channels: Sequence[str]) -> Noticed:
    return Noticed(
        rule=PROMPT_RULE, subject=f"{one.name}#{one.label}", severity="critical", text=text,
        link=f"/console/prompts/one?name={quote(one.name)}", value=worst.after, expected=worst.before,
        samples=worst.calls_after, channels=channels,
    )  # fmt: skip
