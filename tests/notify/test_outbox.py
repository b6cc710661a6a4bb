"""Messages on their way: none lost, none sent twice, tried with growing pauses, and given up to be seen."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pilothouse.errors import StorageError
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.channels import Senders
from pilothouse.notify.message import Message
from pilothouse.notify.outbox import ATTEMPTS, Outbox
from pilothouse.notify.postman import Postman
from pilothouse.storage import Store, writing

from .conftest import Clock, Web


@pytest.fixture
def outbox(store: Store, clock: Clock) -> Outbox:
    return Outbox(store.control, clock)


@pytest_asyncio.fixture
async def postman(outbox: Outbox, web: Web) -> AsyncIterator[Postman]:
    senders = Senders()
    channels = {"ops": {"kind": "webhook", "url": web.url}, "lost": {"kind": "slack", "url": "http://127.0.0.1:1/"}}
    config = AlertsConfig.model_validate({"channels": channels})
    yield Postman(outbox, senders, lambda: config)
    await senders.aclose()


def _put(store: Store, outbox: Outbox, message: Message, *channels: str) -> None:
    with writing(store.control) as connection:
        outbox.put(connection, message, channels)


async def test_what_is_put_arrives_once(
    store: Store, outbox: Outbox, postman: Postman, web: Web, message: Message
) -> None:
    _put(store, outbox, message, "ops")
    assert (await postman.carry(), await postman.carry()) == (1, 0)
    assert len(web.came) == 1
    (delivery,) = outbox.about("default", ["alert-1"])["alert-1"]
    assert (delivery.status, delivery.attempts, delivery.error) == ("sent", 1, None)
    assert delivery.message == message
    assert outbox.next_due() is None


async def test_where_one_cannot_be_noted_the_next_round_waits_for_the_other_channels(
    store: Store, outbox: Outbox, postman: Postman, web: Web, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next round would tell again what is just being told."""
    _put(store, outbox, message, "lost", "ops")
    failed, send = asyncio.Event(), postman._senders.send
    loop = asyncio.get_running_loop()

    def not_noted(*_: Any, **__: Any) -> bool:
        loop.call_soon_threadsafe(failed.set)
        raise StorageError("away")

    async def slowly(config: AlertsConfig, channel: str, *given: Any) -> None:
        if channel == "ops":
            await failed.wait()
        await send(config, channel, *given)

    monkeypatch.setattr(outbox, "missed", not_noted)
    monkeypatch.setattr(postman._senders, "send", slowly)
    with pytest.raises(StorageError):
        await postman.carry()
    assert (len(web.came), postman.sent) == (1, 1)


async def test_a_transaction_that_fails_sends_nothing(
    store: Store, outbox: Outbox, postman: Postman, web: Web, message: Message
) -> None:
    with store.control.begin() as connection:
        outbox.put(connection, message, ["ops"])
        connection.rollback()
    assert await postman.carry() == 0
    assert web.came == []


async def test_pauses_grow_and_a_channel_that_is_gone_is_given_up(
    store: Store, outbox: Outbox, postman: Postman, clock: Clock, message: Message
) -> None:
    _put(store, outbox, message, "lost")
    pauses = []
    for _ in range(ATTEMPTS):
        await postman.carry()
        due = outbox.next_due()
        if due is not None:
            pauses.append((due - clock()) / 1e6)
            assert await postman.carry() == 0
            clock.now = due
    assert pauses == [5, 10, 20, 40, 80, 160, 320]
    (delivery,) = outbox.about("default", ["alert-1"])["alert-1"]
    assert (delivery.status, delivery.attempts) == ("failed", ATTEMPTS)
    assert delivery.error is not None
    assert "cannot be reached" in delivery.error
    assert postman.failed == 1


async def test_an_attempt_is_told_apart_by_nothing_but_its_time(
    store: Store, outbox: Outbox, postman: Postman, web: Web, clock: Clock, message: Message
) -> None:
    _put(store, outbox, message, "ops")
    web.answers = [(503, {"retry-after": "100"}, b"")]
    await postman.carry()
    clock.forward(99)
    assert await postman.carry() == 0
    clock.forward(1)
    assert await postman.carry() == 1
    first, second = (headers["webhook-id"] for headers, _ in web.came)
    assert first == second


async def test_what_is_refused_is_not_tried_again(
    store: Store, outbox: Outbox, postman: Postman, web: Web, message: Message
) -> None:
    _put(store, outbox, message, "ops", "gone")
    web.answers = [(410, {}, b"")]
    await postman.carry()
    found = {d.channel: d.status for d in outbox.about("default", ["alert-1"])["alert-1"]}
    assert found == {"ops": "failed", "gone": "failed"}
    assert postman.failed == 2


async def test_what_ended_long_ago_is_forgotten(
    store: Store, outbox: Outbox, postman: Postman, clock: Clock, message: Message
) -> None:
    _put(store, outbox, message, "ops", "lost")
    await postman.carry()
    clock.forward(31 * 24 * 3600)
    assert outbox.forget() == 1
    (left,) = outbox.about("default", ["alert-1"])["alert-1"]
    assert left.status == "waiting"


async def test_a_test_message_says_what_went_wrong(postman: Postman, web: Web) -> None:
    found = await postman.test(["ops", "lost"])
    assert found["ops"] is None
    assert "cannot be reached" in (found["lost"] or "")
    assert len(web.came) == 1
