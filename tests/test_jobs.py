"""Jobs that need the whole platform."""

from typing import Any

import pytest

from pilothouse.access.shapes import KeySettings, PolicyRules
from pilothouse.app import Platform
from pilothouse.errors import Cancelled, Forbidden, PilothouseError
from pilothouse.jobs import diff_task
from tests.lifecycle.diff.conftest import dataset, platform

__all__ = ["dataset", "platform"]

ORDER = {"before": "model:default", "after": "model:short", "evaluators": ["exact"], "dataset": "questions"}


def payload(of: Platform) -> dict[str, Any]:
    where = {"home": str(of.settings.home), "config": str(of.settings.config)}
    return {**where, "project": "default", "order": ORDER, "key_id": ""}


def test_a_comparison_is_the_result_of_its_job(platform: Platform, dataset: str) -> None:
    heard: list[tuple[int, int]] = []
    told = diff_task(payload(platform), lambda done, total, note="": heard.append((done, total)))
    assert told["comparison"]["metrics"]["exact"]["n"] == 12
    assert told["markdown"].startswith("### ✅ model:default")
    assert heard[-1] == (24, 24)


def test_a_job_that_is_cancelled_stops_asking(platform: Platform, dataset: str) -> None:
    def progress(done: int, total: int, note: str = "") -> None:
        raise Cancelled("The job was cancelled.")

    with pytest.raises(PilothouseError, match="was not asked to its end: The job was cancelled"):
        diff_task(payload(platform), progress)


def test_a_comparison_asks_as_whoever_wanted_it(platform: Platform, dataset: str) -> None:
    _, key = platform.keys.create("editor", "editor", KeySettings(policy=PolicyRules(models=["default"])))
    told = {**payload(platform), "key_id": key.key_id}
    with pytest.raises(PilothouseError, match=r"short"):
        diff_task(told, lambda done, total, note="": None)
    platform.keys.revoke(key.key_id)
    with pytest.raises(Forbidden, match="may not call models any more"):
        diff_task(told, lambda done, total, note="": None)
