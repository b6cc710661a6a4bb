"""Carries the outbox to the channels. Knows nothing of alerts."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import ConfigError, DeliveryError
from pilothouse.ids import new_id, now_us
from pilothouse.monitoring import AlertsConfig
from pilothouse.notify.channels import Senders
from pilothouse.notify.message import Message
from pilothouse.notify.outbox import Delivery, Outbox

__all__ = ["Postman"]

_log = logging.getLogger(__name__)


class Postman:
    """`carry` sends what is due. `failed` and `sent` count since the start."""

    def __init__(self, outbox: Outbox, senders: Senders, config: Callable[[], AlertsConfig]) -> None:
        self._outbox = outbox
        self._senders = senders
        self._config = config
        self.sent = 0
        self.failed = 0

    async def carry(self) -> int:
        """Try everything that is due, each channel apart so that none waits for another; returns how much arrived."""
        by_channel: dict[str, list[Delivery]] = {}
        for delivery in await asyncio.to_thread(self._outbox.due):
            by_channel.setdefault(delivery.channel, []).append(delivery)
        arrived = 0
        for outcome in await asyncio.gather(*map(self._carry, by_channel.values()), return_exceptions=True):
            if isinstance(outcome, BaseException):  # now that no other channel is still being told
                raise outcome
            arrived += outcome
        return arrived

    async def test(self, channels: Sequence[str], project: str = DEFAULT_PROJECT) -> dict[str, str | None]:
        """Send a test message to each of these channels at once, past the outbox; by channel what went wrong, or None.

        PagerDuty opens an incident and resolves it.
        """
        identifier = new_id()
        message = Message("alert.test", identifier, "Test", "Alerts arrive here.", now_us(), project)
        over = replace(message, title="Test is over", over=True)
        kinds = {name: channel.kind for name, channel in self._config().channels.items()}
        found: dict[str, str | None] = {}
        for name in channels:
            try:
                for one in (message, over) if kinds.get(name) == "pagerduty" else (message,):
                    await self._senders.send(self._config(), name, one, identifier)
                found[name] = None
            except (DeliveryError, ConfigError) as error:
                found[name] = error.message
        return found

    async def _carry(self, waiting: list[Delivery]) -> int:
        """One after another: what ended must not be told before what began."""
        arrived = 0
        for delivery in waiting:
            arrived += await self._try(delivery)
        return arrived

    async def _try(self, delivery: Delivery) -> bool:
        try:
            await self._senders.send(self._config(), delivery.channel, delivery.message, delivery.id)
        except (DeliveryError, ConfigError) as error:
            final = isinstance(error, DeliveryError) and error.final
            wait = error.wait if isinstance(error, DeliveryError) else None
            given_up = await asyncio.to_thread(self._outbox.missed, delivery, error.message, final=final, wait=wait)
            self.failed += given_up
            told = "is given up" if given_up else "is tried again"
            _log.warning("'%s' to the channel %s %s: %s", delivery.message.title, delivery.channel, told, error.message)
            return False
        await asyncio.to_thread(self._outbox.sent, delivery)
        self.sent += 1
        return True
