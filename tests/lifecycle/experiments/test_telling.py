import pytest

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.lifecycle.experiments.telling import Teller
from pilothouse.notify.outbox import Outbox
from pilothouse.prompts.experiments.shape import Outcome
from pilothouse.storage import Store

from .conftest import Clock, P
from .test_observations import experiment

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_an_end_is_told_once_and_the_alert_ends_by_itself(store: Store, clock: Clock) -> None:
    outcome = Outcome(
        kind="breach", arm="control", reason="Guardrail: cost.", note="",
        numbers={"compared": [{"value": 3.0, "control": 1.0, "units": [60, 70]}]},
    )  # fmt: skip
    one = experiment(project_id=P, outcome=outcome)
    book = Book(store.control, Outbox(store.control), lambda _: None, clock)
    teller = Teller(book, lambda: Config.model_validate({"alerts": {"channels": {}}}), clock)
    teller.broken(one, ["errors of 'v3'", "cost of 'v3'"])
    teller.broken(one, ["cost of 'v3'"])
    teller.ended(one)
    teller.ended(one)
    alert, *broken = book.list(P)
    assert [other.subject for other in broken] == ["one: cost of 'v3'", "one: errors of 'v3'"]
    assert (alert.title, alert.severity, alert.text) == ("experiment: one", "critical", "breach: Guardrail: cost.")
    assert (alert.value, alert.expected, alert.samples, alert.link) == (3.0, 1.0, 130, "/console/experiments/e1")
    clock.forward(days=1.01)
    book.end_due()
    teller.broken(one, ["cost of 'v3'"])
    assert [alert.status for alert in book.list(P)] == ["open", "cleared", "cleared", "cleared"]
    silent = Teller(book, lambda: Config.model_validate({"alerts": {"enabled": False}}), clock)
    silent.ended(experiment(project_id=P, name="two", outcome=outcome))
    assert len(book.list(P)) == 4
