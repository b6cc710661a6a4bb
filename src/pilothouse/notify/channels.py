"""The channels of a configuration: each name with what sends, secrets resolved. Knows nothing of messages."""

from collections.abc import Mapping
from typing import Protocol

import aiohttp

from pilothouse.errors import DeliveryError
from pilothouse.monitoring import AlertsConfig, Channel
from pilothouse.notify.email import Email
from pilothouse.notify.message import Message
from pilothouse.notify.pagerduty import PagerDuty
from pilothouse.notify.slack import Slack
from pilothouse.notify.webhook import Webhook
from pilothouse.snapshot import resolve_secrets

__all__ = ["Sender", "Senders", "check_channels"]

_SECRETS = ("url", "secret", "routing_key", "username", "password")


class Sender(Protocol):
    """A way out. `identifier` names the delivery: the same for each attempt."""

    async def send(self, message: Message, identifier: str) -> None: ...


class Senders:
    """Sends to the channels of the configuration that holds at that moment. `aclose` in the end."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = env
        self._session: aiohttp.ClientSession | None = None

    async def send(self, config: AlertsConfig, name: str, message: Message, identifier: str) -> None:
        """Raises DeliveryError; ConfigError where a secret is not there."""
        channel = config.channels.get(name)
        if channel is None:
            raise DeliveryError(f"There is no channel '{name}' any more.", final=True)
        await self._sender(_resolved(name, channel, self._env)).send(message, identifier)

    def _sender(self, channel: Channel) -> Sender:
        if channel.kind == "email":
            return Email(channel)
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(trust_env=True)
        if channel.kind == "slack":
            return Slack(channel, self._session)
        return (PagerDuty if channel.kind == "pagerduty" else Webhook)(channel, self._session)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def check_channels(config: AlertsConfig, env: Mapping[str, str] | None = None) -> None:
    """Raises ConfigError for a reference to a secret that is not there."""
    for name, channel in config.channels.items():
        _resolved(name, channel, env)


def _resolved(name: str, channel: Channel, env: Mapping[str, str] | None) -> Channel:
    where = f"alerts.channels.{name}"
    found = {s: resolve_secrets(getattr(channel, s), f"{where}.{s}", env) for s in _SECRETS}
    return channel.model_copy(update=found)
