"""A service that is asked by HTTP POST of JSON: within a time, a bounded number of times, and never with a word of its
answer in what is told. Knows nothing of what is asked.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec

from pilothouse.types import Json

__all__ = ["Service", "ServiceFailed"]

_MAY_PASS = (408, 425, 429)
_LONGEST_ANSWER = 4_000_000  # bytes
_PAUSE = 0.1  # seconds before the second attempt, doubled before each that follows


class ServiceFailed(Exception):
    """It could not be asked, or said nothing that can be used; the message says why, in a sentence without secrets."""


class Service:
    """At `url`, which ends without a slash. `timeout` seconds are for all attempts together, of which there are
    `retries` more than one: after 408, 425, 429, 5xx and where there is no connection. Redirects are not followed."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout: float, retries: int) -> None:
        self._url, self._headers = url.rstrip("/"), dict(headers)
        self._timeout, self._retries = timeout, retries
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def host(self) -> str:
        return urlsplit(self._url).hostname or "the service"

    async def post(self, path: str, body: Json) -> Json:
        """The object that it answers with. Raises ServiceFailed."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._attempts(path, msgspec.json.encode(body))
        except TimeoutError:
            raise ServiceFailed(f"{self.host} did not answer within {self._timeout:g} s.") from None

    async def aclose(self) -> None:
        """Close the connections. It may be asked again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempts(self, path: str, body: bytes) -> Json:
        pause = _PAUSE
        for left in range(self._retries, -1, -1):
            try:
                async with self._open().post(
                    f"{self._url}{path}", data=body, headers=self._headers, allow_redirects=False
                ) as answer:
                    if answer.status == 200:
                        return _object(await answer.content.read(_LONGEST_ANSWER + 1), self.host)
                    told = f"{self.host} answered {answer.status}."
                    wait = answer.headers.get("retry-after", "")
                    if answer.status < 500 and answer.status not in _MAY_PASS:
                        raise ServiceFailed(told)
            except aiohttp.ClientError as error:
                told, wait = f"{self.host} cannot be reached: {type(error).__name__}.", ""
            if not left:
                raise ServiceFailed(told)
            await asyncio.sleep(float(wait) if wait.isdecimal() else pause)
            pause *= 2
        raise AssertionError("there is always a last attempt")

    def _open(self) -> aiohttp.ClientSession:
        """The connections of the running loop."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            headers = {"content-type": "application/json", "user-agent": "pilothouse"}
            self._session, self._loop = aiohttp.ClientSession(headers=headers, trust_env=True), loop
        return self._session


def _object(raw: bytes, host: str) -> Json:
    try:
        found = msgspec.json.decode(raw) if len(raw) <= _LONGEST_ANSWER else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ServiceFailed(f"{host} answered in a form that is not its own.")
    return found
