"""Tells by alerts how experiments ended, and of guardrails that broke. Knows nothing of how that was found."""

from collections.abc import Callable
from typing import Any

from pilothouse.alerts.book import Book, Noticed
from pilothouse.alerts.evaluator import channels_for
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.prompts.experiments.shape import Experiment

__all__ = ["EXPERIMENT_RULE", "Teller"]

EXPERIMENT_RULE = "experiment"
"""What such alerts are called, also for channels that carry some alerts alone."""
_OPEN_US = 86_400_000_000  # a day, then such an alert ends by itself
_CRITICAL = ("breach", "mismatch")


class Teller:
    """Opens an alert for the end of an experiment, and one for each guardrail that broke; while that is open it is not
    raised again. Blocks on the control database."""

    def __init__(self, book: Book, config: Callable[[], Config], clock: Callable[[], int] = now_us) -> None:
        self._book = book
        self._config = config
        self._clock = clock

    def ended(self, experiment: Experiment) -> None:
        """It ended by itself, and what came of that."""
        outcome = experiment.outcome
        if outcome is not None:
            shown: list[Any] = outcome.numbers.get("compared") or [{}]
            said = f"{outcome.kind}: {outcome.reason} {outcome.note}".rstrip()
            self._open(experiment, experiment.name, said, outcome.kind in _CRITICAL, shown[0])

    def broken(self, experiment: Experiment, guardrails: list[str]) -> None:
        """Guardrails broke, and a person is to say what follows."""
        for one in guardrails:
            said = f"Worse than the control by more than allowed: {one}. The experiment goes on."
            self._open(experiment, f"{experiment.name}: {one}", said, True, {})

    def _open(self, experiment: Experiment, subject: str, text: str, critical: bool, shown: Any) -> None:
        config = self._config().alerts
        if not config.enabled:
            return
        noticed = Noticed(
            rule=EXPERIMENT_RULE, subject=subject, severity="critical" if critical else "warning", text=text,
            link=f"/console/experiments/{experiment.id}", value=float(shown.get("value") or 0.0),
            expected=float(shown.get("control") or 0.0), samples=sum(shown.get("units") or [0]),
            channels=channels_for(EXPERIMENT_RULE, config), ends_us=self._clock() + _OPEN_US,
        )  # fmt: skip
        self._book.open(experiment.project_id, noticed, standing=False)
