"""Slack, by an incoming webhook: a heading, the text, and a button to the traces. Knows nothing of retries."""

import aiohttp
import msgspec

from pilothouse.monitoring import Channel
from pilothouse.notify.message import Message
from pilothouse.notify.post import post
from pilothouse.types import Json

__all__ = ["Slack", "blocks"]

_LONGEST_HEADING = 150
_LONGEST_TEXT = 3000
_MARKS = {"critical": "\N{LARGE RED CIRCLE}", "warning": "\N{LARGE ORANGE CIRCLE}"}


class Slack:
    """Posts to the webhook's address, which is its secret."""

    def __init__(self, channel: Channel, session: aiohttp.ClientSession) -> None:
        self._channel = channel
        self._session = session

    async def send(self, message: Message, identifier: str) -> None:
        """Raises DeliveryError."""
        body = msgspec.json.encode({"text": escaped(f"{message.title}: {message.text}"), "blocks": blocks(message)})
        await post(self._session, self._channel.url or "", body, {}, self._channel.timeout)


def blocks(message: Message) -> list[Json]:
    """The message in Slack's Block Kit; texts that callers chose mention nobody."""
    mark = "\N{LARGE GREEN CIRCLE}" if message.over else _MARKS[message.severity]
    heading = f"{mark} {message.title}"[:_LONGEST_HEADING]
    made: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": heading}},
        {"type": "section", "text": {"type": "mrkdwn", "text": escaped(message.text)[:_LONGEST_TEXT]}},
    ]
    if message.link:
        button = {"type": "button", "text": {"type": "plain_text", "text": "See the traces"}, "url": message.link}
        made.append({"type": "actions", "elements": [button]})
    return made


def escaped(text: str) -> str:
    """The three characters that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
