"""Labels that are watched: alerts that open and end, and labels that go back, each once for a move."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from pilothouse.access.audit import Actor, Audit, AuditFilters
from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.lifecycle.prompting.rooms import PromptRooms, open_prompts
from pilothouse.notify.outbox import Outbox
from pilothouse.prompts.content import content_of
from pilothouse.prompts.experiments.shape import Design
from pilothouse.prompts.versions import Move
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.database import writing
from pilothouse.storage.tables import prompt_calls

P, BY = "default", Actor("ada", "api")
SECOND = 1_000_000


class Traffic:
    """A prompt `rag` whose calls come at times that the test moves on; `config` is read at each look."""

    def __init__(self, store: Store) -> None:
        self.store, self.now, self.calls = store, 0, 0
        self.config: dict[str, Any] = {"every": 60}
        self.book = Book(store.control, Outbox(store.control), lambda link: link, clock=lambda: self.now)
        self.rooms = self.opened()
        for number in (1, 2, 3):
            content = content_of({"template": f"v{number}"})
            self.rooms.prompts.create(P, "rag", content, by=BY)

    def opened(self) -> PromptRooms:
        """As another process has them."""
        made = open_prompts(self.store, self.book, self._configured, clock=lambda: self.now)
        made.prompts._clock = lambda: self.now
        return made

    def _configured(self) -> Config:
        return Config.model_validate({"prompts": {"watch": self.config}})

    def call(self, version: int, count: int, errors: int = 0, label: str = "production") -> None:
        rows = []
        for number in range(count):
            self.now += SECOND
            self.calls += 1
            rows.append({
                "project_id": P, "span_id": f"s{self.calls}", "trace_id": f"t{self.calls}", "at_us": self.now,
                "prompt": "rag", "version": version, "label": label, "cost_nano": 1000 + number, "cached": 0,
                "latency_us": 900_000 + 1000 * (number % 50), "input_tokens": 50, "output_tokens": 10 + number % 5,
                "error": int(number < errors), "refused": 0, "guarded": 0,
            })  # fmt: skip
        with writing(self.store.observe) as connection:
            connection.execute(insert(prompt_calls), rows)
        self.now += SECOND

    def promote(self, version: int) -> None:
        moved = self.rooms.prompts.promote(P, "rag", version, by=BY)
        assert isinstance(moved, Move)
        self.now += SECOND

    def look(self, after: float = 7200) -> None:
        self.now += int(after * SECOND)
        self.rooms.watch.tick()

    @property
    def production(self) -> int:
        return self.rooms.prompts.get(P, "rag").number


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    store = open_store(Settings(home=tmp_path / "home"))
    yield begun(store)
    store.close()


def begun(store: Store) -> Traffic:
    """Version 1 had 200 calls, two of which failed, when version 2 came."""
    made = Traffic(store)
    made.promote(1)
    made.call(1, 200, errors=2)
    made.promote(2)
    return made


def test_a_version_that_does_worse_raises_one_alert_which_ends_with_the_next_move(traffic: Traffic) -> None:
    traffic.look()
    traffic.call(2, 40, errors=20)
    traffic.look()
    assert traffic.book.list(P) == []  # too few calls yet
    traffic.call(2, 60, errors=30)
    traffic.call(2, 500, label="beta")
    traffic.look()
    (alert,) = traffic.book.list(P)
    assert (alert.rule, alert.subject, alert.status, alert.samples) == ("prompt", "rag#production", "open", 100)
    assert alert.link == "/console/prompts/one?name=rag"
    assert alert.text.startswith(
        "rag@2 does worse than @1 since 1970-01-01 00:03 (UTC): errors was 1.0% over 200 calls"
    )
    traffic.look()
    traffic.opened().watch.tick(now=True)
    assert len(traffic.book.list(P)) == 1
    assert traffic.production == 2
    traffic.promote(3)
    traffic.look()
    assert [one.status for one in traffic.book.list(P)] == ["cleared"]
    traffic.call(3, 100)
    traffic.look()
    assert len(traffic.book.list(P)) == 1


def test_a_label_goes_back_once_and_what_it_returns_to_is_not_watched(store: Store) -> None:
    traffic = begun(store)
    traffic.config["rollback"] = True
    traffic.call(2, 100, errors=60)
    traffic.look()
    assert traffic.production == 1
    entries = Audit(traffic.store.control).list(P, filters=AuditFilters(action="prompt.rollback"))
    assert [(one.actor, one.subject, one.before, one.after and one.after["version"]) for one in entries] == [
        ("watch", "prompt:rag", {"label": "production", "version": 2}, 1)
    ]
    assert "errors was 1.0% over 200 calls and is 60.0% over 100" in str(entries[0].after)
    assert [one.status for one in traffic.book.list(P)] == ["open"]
    traffic.call(1, 100, errors=90)
    traffic.look()
    assert traffic.production == 1
    assert [one.status for one in traffic.book.list(P)] == ["cleared"]
    traffic.promote(2)  # a move of its own: the version is looked at anew
    traffic.call(2, 100, errors=100)
    traffic.look()
    assert traffic.production == 1


def test_what_is_not_to_move_a_label_raises_an_alert_alone(traffic: Traffic) -> None:
    traffic.config |= {"rollback": True, "rollback_on": ["scores"]}
    traffic.call(2, 100, errors=60)
    traffic.look()
    assert (traffic.production, len(traffic.book.list(P))) == (2, 1)
    traffic.config["rollback_on"] = ["errors"]
    traffic.look()
    assert (traffic.production, len(traffic.book.list(P))) == (1, 1)


def test_a_label_stays_while_an_experiment_runs_on_it(traffic: Traffic) -> None:
    traffic.config["rollback"] = True
    experiments = traffic.rooms.experiments.registry
    for name, label in (("other", "beta"), ("two", "production")):
        traffic.rooms.prompts.promote(P, "rag", 2, label, by=BY)
        arms = [{"name": "old"}, {"name": "new", "version": 3}]
        target = {"prompt": "rag", "label": label}
        design = Design.model_validate(
            {"name": name, "target": target, "primary": "errors", "arms": arms, "layer": name}
        )
        experiments.start(P, experiments.create(P, design, by=BY).id, by=BY)
    traffic.call(2, 100, errors=60)
    traffic.look()
    (watched,) = traffic.rooms.watch.watches.of(P, "rag")
    assert (traffic.production, watched.acted, experiments.get(P, "two").status) == (2, False, "running")
    assert "The experiment 'two' runs on it: the label goes back once that has ended" in watched.body["failed"]
    (alert,) = traffic.book.list(P)
    assert alert.text.endswith(watched.body["failed"])
    experiments.stop(P, "two", by=BY)
    traffic.look()
    (watched,) = traffic.rooms.watch.watches.of(P, "rag")
    assert (traffic.production, watched.acted, watched.body["failed"]) == (1, True, None)
    assert len(traffic.book.list(P)) == 1


def test_an_experiment_gives_way_where_it_is_to(traffic: Traffic) -> None:
    traffic.config |= {"rollback": True, "rollback_in_experiments": True}
    arms = [{"name": "old"}, {"name": "new", "version": 3}]
    design = Design.model_validate({"name": "one", "target": {"prompt": "rag"}, "primary": "errors", "arms": arms})
    registry = traffic.rooms.experiments.registry
    registry.start(P, registry.create(P, design, by=BY).id, by=BY)
    traffic.call(2, 100, errors=60)
    traffic.look()
    assert traffic.production == 1


def test_an_alert_ends_though_several_look_at_once(traffic: Traffic) -> None:
    traffic.call(2, 100, errors=60)
    first = traffic.opened().watch
    opening = traffic.book.open

    def slow(*args: Any, **kwargs: Any) -> Any:
        traffic.book.open = opening  # type: ignore[method-assign]
        first.tick(now=True)
        return opening(*args, **kwargs)

    traffic.book.open = slow  # type: ignore[method-assign]
    traffic.look()
    assert [one.status for one in traffic.book.list(P)] == ["open"]
    traffic.promote(3)
    traffic.look()
    assert [one.status for one in traffic.book.list(P)] == ["cleared"]


def test_a_label_that_moved_meanwhile_does_not_go_back(traffic: Traffic) -> None:
    traffic.config["rollback"] = True
    traffic.call(2, 100, errors=60)
    rooms, rolled = traffic.rooms, list[Any]()
    back: Callable[..., Any] = rooms.prompts.rollback

    def rollback(*args: Any, **kwargs: Any) -> Any:
        if not rolled:
            rolled.append(kwargs["expected"])
            traffic.opened().prompts.promote(P, "rag", 3, by=BY)
        return back(*args, **kwargs)

    rooms.prompts.rollback = rollback  # type: ignore[method-assign]
    traffic.look()
    assert (traffic.production, rolled) == (3, [2])
    (watched,) = rooms.watch.watches.of(P, "rag")
    assert watched.acted
    assert "points to version 3 by now, not to 2" in watched.body["failed"]


def test_looks_grow_sparser_and_what_is_not_watched_is_forgotten(traffic: Traffic) -> None:
    traffic.call(2, 100)
    traffic.look()
    (first,) = traffic.rooms.watch.watches.of()
    for after, looked in ((59, False), (60, False), (60, True)):  # a fiftieth of two hours are 144 seconds
        before = traffic.rooms.watch.watches.of()[0].looked_us
        traffic.look(after)
        assert (traffic.rooms.watch.watches.of()[0].looked_us > before) is looked, after
    assert {one["name"] for one in first.body["figures"]} >= {"errors", "cost", "latency", "tokens", "cache"}
    traffic.config["prompts"] = ["other-*"]
    traffic.look()
    assert traffic.rooms.watch.watches.of() == []
    traffic.config = {"days": 1}
    traffic.look(3 * 86_400)
    assert traffic.rooms.watch.watches.of() == []


async def test_one_process_looks_and_says_when_it_looks_again(traffic: Traffic) -> None:
    other = traffic.opened()
    assert await traffic.rooms.watch.look() == 60
    traffic.call(2, 100, errors=100)
    traffic.config["every"] = 5
    assert await other.watch.look() == 5
    assert traffic.book.list(P) == []
