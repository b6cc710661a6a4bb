"""PagerDuty, by its Events API v2: what begins triggers an incident, what is over resolves it. Knows no retries."""

from datetime import UTC, datetime

import aiohttp
import msgspec

from pilothouse.monitoring import Channel
from pilothouse.notify.message import Message
from pilothouse.notify.post import post
from pilothouse.types import Json

__all__ = ["PagerDuty", "event"]

_URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255


class PagerDuty:
    """Posts events. The channel's `url` stands in for PagerDuty's own where it is given (its EU address, a proxy)."""

    def __init__(self, channel: Channel, session: aiohttp.ClientSession) -> None:
        self._channel = channel
        self._session = session

    async def send(self, message: Message, identifier: str) -> None:
        """Raises DeliveryError."""
        body = msgspec.json.encode(event(message, self._channel.routing_key or ""))
        await post(self._session, self._channel.url or _URL, body, {}, self._channel.timeout)


def event(message: Message, routing_key: str) -> Json:
    """The message as PagerDuty takes it. `dedup_key` is what it is about, so that attempts make one incident."""
    key = {"routing_key": routing_key, "dedup_key": message.about[:_LONGEST_KEY]}
    if message.over:
        return {**key, "event_action": "resolve"}
    payload = {
        "summary": f"{message.title}: {message.text}"[:_LONGEST_SUMMARY],
        "source": f"pilothouse/{message.project_id}",
        "severity": message.severity,
        "timestamp": datetime.fromtimestamp(message.at_us / 1e6, UTC).isoformat(timespec="milliseconds"),
        "class": message.event,
        "custom_details": message.data,
    }
    links = [{"href": message.link, "text": "The traces"}] if message.link else []
    return {**key, "event_action": "trigger", "client": "Pilothouse", "payload": payload, "links": links}
