"""What was noticed, in the database: pages of it, alerts that end by themselves, and silences in the audit log."""

import pytest

from pilothouse.access import Actor, Audit
from pilothouse.alerts.book import Noticed
from pilothouse.alerts.links import absolute, traces_link
from pilothouse.alerts.rules import rules_of
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.monitoring import AlertsConfig

from .conftest import Alarm

_ME = Actor("ada", "cli")
_DAY_US = 24 * 3_600_000_000


def _noticed(rule: str = "errors", subject: str = "", ends_us: int | None = None) -> Noticed:
    return Noticed(rule, subject, "critical", "Many failed.", "/console/traces", 0.3, 0.05, 100, ["ops"], ends_us)


def test_of_each_rule_and_subject_one_is_open(alarm: Alarm) -> None:
    first = alarm.book.open("default", _noticed())
    assert first is not None
    assert alarm.book.open("default", _noticed()) is None
    assert alarm.book.open("default", _noticed(subject="gpt")) is not None
    assert alarm.book.open("shop", _noticed()) is not None
    alarm.book.clear("default", first.id, "It is over.")
    alarm.book.clear("default", first.id, "It is over.")
    assert alarm.book.open("default", _noticed()) is not None
    assert [event for event, _, _ in alarm.told()].count("alert.cleared") == 1


def test_messages_lead_to_the_traces(alarm: Alarm) -> None:
    alarm.book.open("default", _noticed(subject="gpt"))
    (delivery,) = alarm.outbox.due()
    message = delivery.message
    assert (message.title, message.text) == ("errors: gpt", "Many failed.")
    assert message.link == "https://ph.example.com/console/traces"
    assert message.data["value"] == 0.3


def test_pages_of_alerts(alarm: Alarm) -> None:
    for number in range(5):
        alarm.book.open("default", _noticed(subject=f"m{number}"))
        alarm.clock.forward(1)
    first = alarm.book.list(limit=3)
    assert [alert.subject for alert in first] == ["m4", "m3", "m2"]
    assert [alert.subject for alert in alarm.book.list(before=first[-1].id)] == ["m1", "m0"]
    assert alarm.book.list("shop") == []
    assert alarm.book.list(status="cleared") == []
    with pytest.raises(NotFound, match="no alert 'x'"):
        alarm.book.get("x")


def test_what_ends_by_itself(alarm: Alarm) -> None:
    alert = alarm.book.open("default", _noticed("budget", ends_us=alarm.clock() + _DAY_US), standing=False)
    assert alert is not None
    assert alarm.evaluate().cleared == 0
    alarm.clock.now += _DAY_US
    alarm.evaluate()
    assert alarm.book.get(alert.id).status == "cleared"


def test_silences_are_audited_and_bounded(alarm: Alarm) -> None:
    made = alarm.silences.add(_ME, alarm.clock() + _DAY_US, rule="spend", comment="a load test")
    alarm.silences.end(_ME, made.id)
    assert alarm.silences.list() == []
    entries = Audit(alarm.store.control).list("default")
    assert [(entry.actor, entry.action) for entry in entries] == [("ada", "silence.delete"), ("ada", "silence.create")]
    with pytest.raises(NotFound, match="no silence"):
        alarm.silences.end(_ME, made.id)
    for until in (alarm.clock(), alarm.clock() + 400 * _DAY_US):
        with pytest.raises(InvalidRequest, match="within a year"):
            alarm.silences.add(_ME, until)


def test_a_silence_is_for_what_it_names(alarm: Alarm) -> None:
    alarm.silences.add(_ME, alarm.clock() + _DAY_US, rule="errors", subject="gpt")
    for rule, subject in (("errors", "gpt"), ("errors", ""), ("spend", "gpt")):
        alarm.book.open("default", _noticed(rule, subject))
    assert {alert.title: alert.told for alert in alarm.book.list()} == {
        "errors: gpt": False, "errors": True, "spend: gpt": True,
    }  # fmt: skip


def test_links_carry_the_filters_of_the_rule() -> None:
    rules = {
        "slow": {"kind": "latency", "by": "endpoint", "threshold": 2},
        "errors": {"by": "key"},
        "score": {"by": "model"},
    }
    found = {rule.name: rule for rule in rules_of(AlertsConfig.model_validate({"rules": rules}))}
    now = 490_000 * 3_600_000_000 + 5
    window = f"since_us={489_999 * 3_600_000_000}&until_us={now}"
    assert traces_link(found["slow"], "/v1/chat", now) == (
        f"/console/traces?{window}&endpoint=%2Fv1%2Fchat&slower_us=2000000"
    )
    assert traces_link(found["errors"], "k&1", now) == f"/console/traces?{window}&key_id=k%261&status=error"
    assert "model=gpt&" in traces_link(found["score"], "gpt · helpful", now) + "&"
    assert absolute("/console", None) is None
