"""What reaches the disk of a span: with a key nothing that was asked or answered, in the spool or in the database."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilothouse.observe import Drainer, SpoolRecorder, Traces
from pilothouse.observe.privacy.discretion import Discretion
from pilothouse.privacy import PrivacyConfig
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.keyring import new_key
from pilothouse.storage.payloads import Packer
from tests.observe.making import full_span

SECRET = "the Kaiser's new clothes"
ASKED = {"messages": [{"role": "user", "content": SECRET}]}
OLD, NEW = new_key(), new_key()


@pytest.fixture
def opened(settings: Settings) -> Iterator[Callable[[str | None], Store]]:
    """Opens the store of this home under some keys."""
    stores = list[Store]()

    def open_with(keys: str | None) -> Store:
        stores.append(open_store(replace(settings, payload_key=keys)))
        return stores[-1]

    yield open_with
    for store in stores:
        store.close()


def record(store: Store, home: Path, *, discreet: bool = True, **changes: object) -> str:
    """A span with SECRET in it, through spool and drainer; gives its trace."""
    spool = Spool.open(home, 10**7)
    recorder = SpoolRecorder(spool, discretion=Discretion(store.packer) if discreet else None)
    span = full_span(input=ASKED, **changes)
    recorder.record(span)
    assert span.input == ASKED
    in_spool = b"".join(path.read_bytes() for path in home.rglob("*.log"))
    assert (SECRET.encode() in in_spool) == (store.packer.keyring is None or not discreet)
    drainer = Drainer(spool, store, home)
    drainer.stop()
    spool.close()
    assert drainer.rejects.count == 0
    return span.trace_id


def test_with_a_key_nothing_lies_readable_on_the_disk(settings: Settings, opened: Callable[[str], Store]) -> None:
    store = opened(OLD)
    trace_id = record(store, settings.home)
    (span,) = Traces(store).get(trace_id).spans
    assert (span.input, span.output["choices"][0]["message"]["content"]) == (ASKED, "5.2 billion.")
    assert Traces(store).list(preview=True).rows[0].preview == SECRET
    assert Traces(store).payload(trace_id, span.id)["input"] == ASKED
    with store.observe.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert not [path for path in settings.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_what_cannot_be_json_is_sealed_too(settings: Settings, opened: Callable[[str], Store]) -> None:
    store = opened(OLD)
    trace_id = record(store, settings.home, output={"big": 2**80, "half": "\ud800", "odd": {1, 2}})
    (span,) = Traces(store).get(trace_id).spans
    assert span.input == ASKED
    assert span.output == {"big": 2**63 - 1, "half": "?", "odd": "{1, 2}"}


def test_what_came_by_another_spool_is_sealed_on_its_way_to_the_database(
    settings: Settings, opened: Callable[[str | None], Store]
) -> None:
    trace_id = record(opened(OLD), settings.home, discreet=False)
    (blind,) = Traces(opened(None)).get(trace_id).spans
    assert "is sealed with the key" in blind.input
    assert Traces(opened(OLD)).get(trace_id).spans[0].input == ASKED


def test_a_lost_key_is_told_where_it_is_needed_and_hinders_nothing_else(
    settings: Settings, opened: Callable[[str | None], Store]
) -> None:
    plain, sealed = record(opened(None), settings.home), record(opened(OLD), settings.home)
    store = opened(NEW)
    traces = Traces(store)
    (lost,) = traces.get(sealed).spans
    assert "PILOTHOUSE_PAYLOAD_KEY does not hold" in lost.input
    assert lost.output is None
    assert traces.get(plain).spans[0].input == ASKED
    assert {row.trace_id: row.preview for row in traces.list(preview=True).rows} == {plain: SECRET, sealed: None}
    after = record(store, settings.home)
    assert traces.get(after).spans[0].input == ASKED


def test_what_was_sealed_before_the_key_was_lost_still_gets_from_the_spool_to_the_database(
    settings: Settings, opened: Callable[[str | None], Store]
) -> None:
    spool = Spool.open(settings.home, 10**7)
    recorder = SpoolRecorder(spool, discretion=Discretion(opened(OLD).packer))
    recorder.record(span := full_span(input=ASKED))
    Drainer(spool, opened(NEW), settings.home).stop()
    spool.close()
    assert Traces(opened(OLD)).get(span.trace_id).spans[0].input == ASKED


def under(**policy: object) -> Discretion:
    discretion = Discretion(Packer())
    discretion.adopt(discretion.prepared(PrivacyConfig.model_validate(policy)))
    return discretion


def test_nothing_is_done_where_everything_is_kept() -> None:
    assert not Discretion(Packer()).needed
    assert not under(redact=[], projects={"hr": {}}).needed


def test_everything_that_may_hold_a_text_is_redacted() -> None:
    mail = "ada@example.com"
    span = full_span(
        name=f"to {mail}", input={"to": mail}, output={"from": mail}, error_message=f"no {mail}", user_id=mail,
        attributes={"cc": [mail], "bcc": mail, "n": 1}, tags=[mail],
    )  # fmt: skip
    written = under(redact=["email"])(span)
    assert (written.name, written.input, written.output) == ("to [email]", {"to": "[email]"}, {"from": "[email]"})
    assert (written.error_message, written.tags) == ("no [email]", ["[email]"])
    assert written.attributes == {"cc": ["[email]"], "bcc": "[email]", "n": 1}
    assert (written.user_id, span.input, span.name) == (mail, {"to": mail}, f"to {mail}")


def test_a_project_has_its_own_policy_instead() -> None:
    discretion = under(redact=["email"], projects={"hr": {"payloads": 0}, "lab": {}})
    body = {"to": "ada@example.com"}
    assert discretion(full_span(input=body)).input == {"to": "[email]"}
    assert discretion(full_span(input=body, project_id="hr")).input is None
    assert discretion(full_span(input=body, project_id="hr", error_message="x@example.com")).error_message is not None
    assert discretion(full_span(input=body, project_id="lab")).input == body


def test_a_share_of_the_traces_keeps_its_payloads_whole_traces() -> None:
    discretion = under(payloads=0.25)
    kept = 0
    for _ in range(400):
        one = full_span()
        other = full_span(trace_id=one.trace_id)
        bodies = {discretion(span).input is None for span in (one, other)}
        assert len(bodies) == 1
        kept += bodies == {False}
    assert 60 < kept < 140


def test_what_is_redacted_never_lies_on_the_disk(settings: Settings, store: Store) -> None:
    spool = Spool.open(settings.home, 10**7)
    recorder = SpoolRecorder(spool, discretion=Discretion(store.packer))
    discretion = Discretion(store.packer)
    recorder.keep_to(discretion.prepared(PrivacyConfig(redact=["email"])))
    recorder.record(span := full_span(input={"messages": [{"role": "user", "content": "I am ada@example.com"}]}))
    in_spool = b"".join(path.read_bytes() for path in settings.home.rglob("*.log"))
    assert b"I am [email]" in in_spool
    assert b"example.com" not in in_spool
    recorder.keep_to({})
    recorder.record(later := full_span(input={"messages": [{"role": "user", "content": "I am ada@example.com"}]}))
    Drainer(spool, store, settings.home).stop()
    spool.close()
    assert Traces(store).get(span.trace_id).spans[0].input["messages"][0]["content"] == "I am [email]"
    assert Traces(store).get(later.trace_id).spans[0].input["messages"][0]["content"] == "I am ada@example.com"
