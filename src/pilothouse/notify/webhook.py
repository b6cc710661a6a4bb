"""A webhook of one's own: JSON, signed as Standard Webhooks 1.0 has it. Knows nothing of retries.

    webhook-id         the same for every attempt, so that a receiver can tell a message that came twice
    webhook-timestamp  seconds since 1970, of the attempt
    webhook-signature  v1,<base64 of HMAC-SHA256 over id.timestamp.body>

The key is what stands behind `whsec_` in base64, as the specification has it; any other secret is taken as it is.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from hashlib import sha256

import aiohttp
import msgspec

from pilothouse.ids import now_us
from pilothouse.monitoring import Channel
from pilothouse.notify.message import Message
from pilothouse.notify.post import post

__all__ = ["Webhook", "signature"]

_PREFIX = "whsec_"


class Webhook:
    """Posts the whole message. `secret` may be None: then there is no signature."""

    def __init__(self, channel: Channel, session: aiohttp.ClientSession, clock: Callable[[], int] = now_us) -> None:
        self._channel = channel
        self._session = session
        self._clock = clock

    async def send(self, message: Message, identifier: str) -> None:
        """Raises DeliveryError."""
        body = msgspec.json.encode({"type": message.event, **message.to_json()})
        seconds = self._clock() // 1_000_000
        headers = {"webhook-id": identifier, "webhook-timestamp": str(seconds), "user-agent": "pilothouse"}
        if self._channel.secret:
            headers["webhook-signature"] = signature(self._channel.secret, identifier, seconds, body)
        await post(self._session, self._channel.url or "", body, headers, self._channel.timeout)


def signature(secret: str, identifier: str, seconds: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = b".".join((identifier.encode(), str(seconds).encode(), body))
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, sha256).digest()).decode()


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
