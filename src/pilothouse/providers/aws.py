"""What AWS asks of every call: a signature (SigV4), and its event-stream framing.

Both are botocore's, from the extra `bedrock`. Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
Knows nothing of models.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from yarl import URL

from pilothouse.errors import ConfigError, MissingExtra, ProviderAuth
from pilothouse.types import Json

__all__ = ["EventFrames", "Signer", "region_of"]


def region_of(name: str, options: Mapping[str, Any]) -> str:
    """The AWS region: `options.region`, AWS_REGION, else what AWS's own configuration says. Raises ConfigError."""
    region = options.get("region") or os.environ.get("AWS_REGION") or _session(options).get_config_variable("region")
    if not region:
        where = f"providers.{name}.options.region"
        raise ConfigError(f"{where}: is not set, nor is AWS_REGION; name one, such as us-east-1.", param=where)
    return str(region)


class Signer:
    """Signs requests to one service in one region, by keys given or found along AWS's credentials chain.

    The chain (environment, files, SSO, container and instance roles) may ask the network: it runs off the loop.
    """

    def __init__(self, name: str, service: str, region: str, options: Mapping[str, Any]) -> None:
        self._name = name
        self._service = service
        self._region = region
        self._options = options
        self._credentials: Any = _given(options)

    async def headers(self, method: str, url: str | URL, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """`headers` and the signature over them, the address and the body. Raises ProviderAuth without credentials."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        keys = self._credentials
        if keys is None or hasattr(keys, "get_frozen_credentials"):
            keys = await asyncio.to_thread(self._frozen)
        request = AWSRequest(method=method, url=str(url), data=body, headers=dict(headers))
        SigV4Auth(keys, self._service, self._region).add_auth(request)
        return dict(request.headers.items())

    def _frozen(self) -> Any:
        """The keys as they are now; the chain renews those that expire."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        try:
            if self._credentials is None:
                self._credentials = _session(self._options).get_credentials()
            if self._credentials is not None:
                return self._credentials.get_frozen_credentials()
            why: object = "there are none in the environment, in ~/.aws or on this machine"
        except BotoCoreError as error:
            why = error
        raise ProviderAuth(f"Provider '{self._name}' has no AWS credentials: {why}.", provider=self._name)


class EventFrames:
    """Decodes `application/vnd.amazon.eventstream`. Each event is an object of one field: its name and its payload.

    Exceptions come as events named after them. Raises ValueError for a frame that is broken.
    """

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer  # noqa: PLC0415

        self._buffer = EventStreamBuffer()

    def feed(self, fragment: bytes) -> list[Json]:
        from botocore.eventstream import ParserError  # noqa: PLC0415

        self._buffer.add_data(fragment)
        try:
            return [_event(message.headers, message.payload) for message in self._buffer]
        except ParserError as error:
            raise ValueError(f"a broken frame: {error}") from error

    def finish(self) -> list[Json]:
        return []


def _event(headers: Json, payload: bytes) -> Json:
    if headers[":message-type"] == "error":
        return {"error": {"code": headers.get(":error-code"), "message": headers.get(":error-message")}}
    name = headers[":exception-type" if headers[":message-type"] == "exception" else ":event-type"]
    return {name: msgspec.json.decode(payload, type=Json)}


def _given(options: Mapping[str, Any]) -> Any:
    """The keys that the configuration itself holds, if it does."""
    _require()
    from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415

    key, secret = options.get("aws_access_key_id"), options.get("aws_secret_access_key")
    return ReadOnlyCredentials(key, secret, options.get("aws_session_token")) if key and secret else None


def _session(options: Mapping[str, Any]) -> Any:
    _require()
    from botocore.session import Session  # noqa: PLC0415

    return Session(profile=options.get("profile"))


def _require() -> None:
    try:
        import botocore  # noqa: F401, PLC0415
    except ImportError:
        raise MissingExtra("The provider 'bedrock'", "bedrock") from None
