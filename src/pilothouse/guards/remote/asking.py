"""What guards over HTTP have in common: their options, and that a service which cannot be asked is a failed look."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guards.remote.service import Service, ServiceFailed
from pilothouse.protocols import Guard, Subject
from pilothouse.snapshot import resolve_secrets
from pilothouse.types import Json

__all__ = ["Malformed", "Remote", "number", "objects", "sendable"]

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


class Malformed(ValueError):
    """An answer is not in the documented form."""


@dataclass(frozen=True, kw_only=True)
class Remote(Guard):
    """A guard that sends the text to a service. `api_key` is a reference such as ${NAME}; `timeout` is in seconds, all
    of the 1 + `retries` attempts together. `usd_per_request` is what one costs, None where that is not known."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    configured: ClassVar[bool] = True
    """It is made of a configuration alone, never of what a request says: it holds a secret and an address."""

    base_url: str
    api_key: str
    timeout: float = 5.0
    retries: int = 1
    usd_per_request: float | None = None
    name: str = "remote"

    def __post_init__(self) -> None:
        if urlsplit(self.base_url).scheme not in ("http", "https") or not urlsplit(self.base_url).hostname:
            raise self._wrong("base_url", "is no address: write it as https://host.")
        if not _REFERENCE.fullmatch(self.api_key):
            raise self._wrong("api_key", "must be a reference to the environment, such as ${NAME}.")
        resolve_secrets(self.api_key, f"{self.name}.api_key")
        if not 0 < self.timeout <= 60:
            raise self._wrong("timeout", "must be above 0 and at most 60 seconds.")
        if not 0 <= self.retries <= 5:
            raise self._wrong("retries", "must be from 0 to 5.")
        if self.usd_per_request is not None and not 0 <= self.usd_per_request <= 1:
            raise self._wrong("usd_per_request", "must be from 0 to 1.")

    @property
    def cost_nano(self) -> int | None:
        """What one request costs."""
        return None if self.usd_per_request is None else round(self.usd_per_request * 1e9)

    async def check(self, subject: Subject) -> GuardResult:
        if not subject.text.strip():
            return GuardResult.skipped(self.name, "The text is empty.")
        try:
            return await self._ask(subject)
        except ServiceFailed as error:
            return GuardResult.failed(self.name, str(error), cost_nano=0)
        except Malformed:
            told = f"{self._service.host} answered in a form that is not its own."
            return GuardResult.failed(self.name, told, cost_nano=self.cost_nano)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._service.aclose()

    @abstractmethod
    async def _ask(self, subject: Subject) -> GuardResult:
        """Raises ServiceFailed, and Malformed."""

    def _headers(self, key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}

    @cached_property
    def _service(self) -> Service:
        key = resolve_secrets(self.api_key, f"{self.name}.api_key") or ""
        return Service(self.base_url, self._headers(key), timeout=self.timeout, retries=self.retries)

    def _wrong(self, option: str, what: str) -> ConfigError:
        return ConfigError(f"{self.name}.{option}: {what}", param=f"{self.name}.{option}")


def number(given: Any) -> float:
    """A score in [0, 1]. Raises Malformed."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise Malformed
    return float(given)


def objects(given: Any) -> list[Json]:
    """A list of objects. Raises Malformed."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Malformed
    return given


def sendable(text: str) -> str:
    """The text without halves of surrogate pairs, which no JSON can hold."""
    return text.encode("utf-8", "replace").decode()
