"""Sends JSON by HTTP POST, and says whether another attempt may help. Knows nothing of what it sends."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from pilothouse.errors import DeliveryError

__all__ = ["post"]

_SHOWN = 200
_LONGEST_WAIT = 3600.0
_NO_ADDRESS = "The address of the channel is none. Write it as https://host/path."
_MAY_PASS = (408, 425, 429)


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str], timeout: float
) -> None:
    """Raises DeliveryError: final where the answer is 4xx, save 408, 425 and 429. Addresses hold secrets, so that an
    error names the host alone. Redirects are not followed: a message goes where the configuration says."""
    host = _host(url)
    try:
        async with session.post(
            url, data=body, headers={"content-type": "application/json", **headers}, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout),
        ) as answer:  # fmt: skip
            if 200 <= answer.status < 300:
                return
            said = " ".join((await answer.content.read(_SHOWN)).decode("utf-8", "replace").split())
            final = answer.status < 500 and answer.status not in _MAY_PASS
            told = f"{host} answered {answer.status}" + (f": {said}" if said else ".")
            raise DeliveryError(
                told, final=final, wait=_seconds(answer.headers.get("retry-after")), answered=answer.status
            )
    except TimeoutError:
        raise DeliveryError(f"{host} did not answer within {timeout:g} s.") from None
    except aiohttp.InvalidURL:
        raise DeliveryError(_NO_ADDRESS, final=True) from None
    except aiohttp.ClientError as error:
        raise DeliveryError(f"{host} cannot be reached: {type(error).__name__}.") from None


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DeliveryError(_NO_ADDRESS, final=True) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DeliveryError(_NO_ADDRESS, final=True)
    return parts.hostname


def _seconds(text: str | None) -> float | None:
    return min(float(text), _LONGEST_WAIT) if text and text.isdecimal() else None
