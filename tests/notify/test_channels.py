"""Each channel against a server that takes its wire format."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_string
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from pilothouse.errors import ConfigError, DeliveryError
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.channels import Senders, check_channels
from pilothouse.notify.message import Message

from .conftest import Mail, Web

_SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()


@pytest_asyncio.fixture
async def senders() -> AsyncIterator[Senders]:
    senders = Senders({"HOOK_SECRET": _SECRET})
    yield senders
    await senders.aclose()


def _one(**channel: Any) -> AlertsConfig:
    return AlertsConfig.model_validate({"channels": {"ops": channel}})


async def test_a_webhook_is_signed_so_that_others_can_check_it(senders: Senders, web: Web, message: Message) -> None:
    config = _one(kind="webhook", url=web.url, secret="${HOOK_SECRET}")
    await senders.send(config, "ops", message, "delivery-1")
    ((headers, body),) = web.came
    signed = f"delivery-1.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"a key of thirty-two bytes, or so", signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "delivery-1"
    told = json.loads(body)
    assert (told["type"], told["about"], told["data"]["value"]) == ("alert.fired", "alert-1", 0.31)
    assert Message.from_json({k: v for k, v in told.items() if k != "type"}) == message


async def test_a_webhook_without_a_secret_has_no_signature(senders: Senders, web: Web, message: Message) -> None:
    await senders.send(_one(kind="webhook", url=web.url), "ops", message, "d")
    assert "webhook-signature" not in web.came[0][0]


async def test_slack_gets_blocks_that_mention_nobody(senders: Senders, web: Web, message: Message) -> None:
    await senders.send(_one(kind="slack", url=web.url), "ops", message, "d")
    told = json.loads(web.came[0][1])
    header, section, actions = told["blocks"]
    assert header["text"]["text"].endswith("errors: <gpt>")
    assert section["text"]["text"] == "31 of 100 failed &amp; more &lt;!channel&gt;."
    assert actions["elements"][0]["url"] == message.link
    assert "<!channel>" not in told["text"]


async def test_pagerduty_gets_an_incident_and_its_end(senders: Senders, web: Web, message: Message) -> None:
    config = _one(kind="pagerduty", url=web.url, routing_key="R" * 32)
    web.answers = [(202, {}, b'{"status":"success"}')] * 2
    await senders.send(config, "ops", message, "d")
    await senders.send(config, "ops", replace(message, over=True), "e")
    trigger, resolve = (json.loads(body) for _, body in web.came)
    assert (trigger["event_action"], trigger["dedup_key"]) == ("trigger", "alert-1")
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["summary"].startswith("errors: <gpt>: 31 of 100")
    assert trigger["payload"]["timestamp"] == "2026-09-21T14:13:20.000+00:00"
    assert trigger["links"][0]["href"] == message.link
    assert resolve == {"routing_key": "R" * 32, "dedup_key": "alert-1", "event_action": "resolve"}


async def test_mail_goes_to_everybody_and_its_heading_is_one_line(
    senders: Senders, smtp: Mail, message: Message
) -> None:
    config = _one(
        kind="email", host="127.0.0.1", port=smtp.port, tls="none", sender="Pilothouse <ph@example.com>",
        to=["ada@example.com", "bo@example.com"],
    )  # fmt: skip
    await senders.send(config, "ops", replace(message, title="errors:\r\nBcc: all@example.com"), "d1")
    ((sender, recipients, text),) = smtp.came
    assert (sender, recipients) == ("ph@example.com", ["ada@example.com", "bo@example.com"])
    mail = message_from_string(text)
    assert mail["Subject"] == "[Pilothouse] errors: Bcc: all@example.com"
    assert mail["Bcc"] is None
    assert mail["References"] == "<alert-1@example.com>"
    assert f"Traces: {message.link}" in str(mail.get_payload())


async def test_a_server_that_refuses_a_recipient_for_good(senders: Senders, smtp: Mail, message: Message) -> None:
    smtp.refuse = "550 no such mailbox"
    config = _one(
        kind="email", host="127.0.0.1", port=smtp.port, tls="none", sender="ph@example.com", to=["x@example.com"]
    )
    with pytest.raises(DeliveryError, match="refused every recipient") as caught:
        await senders.send(config, "ops", message, "d")
    assert caught.value.final


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (404, True), (301, True), (408, False), (429, False), (500, False), (503, False)]
)
async def test_what_may_pass_is_tried_again(
    senders: Senders, web: Web, message: Message, status: int, final: bool
) -> None:
    web.answers = [(status, {"retry-after": "70", "location": web.url}, b"invalid_token")]
    with pytest.raises(DeliveryError, match=f"127.0.0.1 answered {status}: invalid_token") as caught:
        await senders.send(_one(kind="slack", url=f"{web.url}/secret-path"), "ops", message, "d")
    assert caught.value.final is final
    assert caught.value.wait == 70
    assert "secret-path" not in caught.value.message
    assert len(web.came) == 1


async def test_where_nobody_listens_and_where_there_is_no_address(senders: Senders, message: Message) -> None:
    with pytest.raises(DeliveryError, match="cannot be reached") as caught:
        await senders.send(_one(kind="slack", url="http://127.0.0.1:1/"), "ops", message, "d")
    assert not caught.value.final
    with pytest.raises(DeliveryError, match="is none") as caught:
        await senders.send(_one(kind="slack", url="http://[bad"), "ops", message, "d")
    with pytest.raises(DeliveryError, match="no channel 'pager'"):
        await senders.send(_one(kind="slack", url="http://127.0.0.1:1/"), "pager", message, "d")


async def test_a_secret_that_is_not_there_is_named(senders: Senders, message: Message) -> None:
    config = _one(kind="slack", url="${NOT_SET}")
    with pytest.raises(ConfigError, match=r"alerts\.channels\.ops\.url: the environment variable NOT_SET"):
        await senders.send(config, "ops", message, "d")
    with pytest.raises(ConfigError, match="NOT_SET"):
        check_channels(config, {})
    check_channels(config, {"NOT_SET": "https://hooks.example.com"})
