"""Bootstrap settings: what a process must know before it can read its configuration. Frozen, from the environment.

What a team changes while it runs (providers, models, routes) is not here: see snapshot.py.
"""

import difflib
import ipaddress
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pilothouse.errors import ConfigError

__all__ = ["Settings", "ip_network", "unknown_variables"]

_MEGABYTE = 1024 * 1024
_MAPPED = 96
"""Bits before an IPv4 address inside IPv6: ::ffff:0:0/96 (RFC 4291, 2.5.5.2)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. Sizes in bytes, times in seconds. Each field has a variable `PILOTHOUSE_<NAME>`.

    `redis_url` shares limits, budgets and caches between processes; while Redis is away, `redis_down` serves unchecked
    (open) or refuses (closed). `spool_full` likewise: stop, or drop spans. From `trusted_proxies` (IP ranges, separated
    by commas) X-Forwarded-For is believed. `payload_key` seals what spans and responses hold: keys in base64, newest
    first. `public_url` is where browsers reach this server. `oidc_*` let people sign in through an OpenID provider: to
    the console by `client_id`, to the API by tokens made for `audience`.
    """

    home: Path = Path(".pilothouse")
    config: Path = Path("pilothouse.yaml")
    models: Path | None = None
    database_url: str | None = None
    redis_url: str | None = None
    redis_down: str = "closed"
    master_key: str | None = None
    host: str = "127.0.0.1"
    port: int = 8484
    max_body_bytes: int = 32 * _MEGABYTE
    request_timeout: float = 600.0
    shutdown_grace: float = 30.0
    spool_max_bytes: int = 4096 * _MEGABYTE
    spool_full: str = "stop"
    capture_payloads: bool = True
    payload_key: str | None = field(default=None, repr=False)
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    public_url: str | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    oidc_audience: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, **overrides: object) -> Self:
        """Read `PILOTHOUSE_*`; `overrides` (from the command line) win where they are not None.

        Raises ConfigError naming the variable whose value cannot be read.
        """
        env = os.environ if env is None else env
        values: dict[str, object] = {}
        for name, kind in _KINDS.items():
            variable = f"PILOTHOUSE_{name.upper()}"
            raw = env.get(variable)
            if raw in (None, ""):
                continue
            try:
                values[name] = kind(raw)
            except ValueError as error:
                raise ConfigError(f"{variable}={raw!r} cannot be read: {error}.", param=variable) from None
        values |= {name: value for name, value in overrides.items() if value is not None}
        settings = cls(**values)  # type: ignore[arg-type]
        if settings.spool_full not in ("stop", "drop"):
            raise ConfigError(f"PILOTHOUSE_SPOOL_FULL={settings.spool_full!r}: use 'stop' or 'drop'.")
        if settings.redis_down not in ("open", "closed"):
            raise ConfigError(f"PILOTHOUSE_REDIS_DOWN={settings.redis_down!r}: use 'open' or 'closed'.")
        return settings

    @property
    def models_dir(self) -> Path:
        """Where encoder files live: shared between homes when PILOTHOUSE_MODELS says so."""
        return self.models or self.home / "models"

    def control_url(self) -> str:
        """SQLAlchemy URL of the control database; SQLite in the home unless PILOTHOUSE_DATABASE_URL is set."""
        return self.database_url or f"sqlite:///{self.home / 'control.db'}"

    def observe_url(self) -> str:
        """SQLAlchemy URL of the span store: a file of its own under SQLite, the same database under Postgres."""
        return self.database_url or f"sqlite:///{self.home / 'observe.db'}"


def _flag(raw: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if raw.lower() not in words:
        raise ValueError("use true or false")
    return words[raw.lower()]


def ip_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A range of addresses; one of IPv4 inside IPv6 as IPv4, as clients' addresses are compared. Raises ValueError."""
    network = ipaddress.ip_network(text)
    start = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    return network if start is None else ipaddress.IPv4Network((start, network.prefixlen - _MAPPED))


def _networks(raw: str) -> object:
    return tuple(ip_network(part.strip()) for part in raw.split(",") if part.strip())


def _address(raw: str) -> object:
    if urlsplit(raw).scheme not in ("http", "https") or not urlsplit(raw).hostname:
        raise ValueError("write it as https://host")
    return raw.rstrip("/")


def _number(kind: type[int] | type[float], least: float, most: float = math.inf) -> Callable[[str], object]:
    def read(raw: str) -> object:
        value = kind(raw)
        if not least <= value <= most or math.isinf(value):
            raise ValueError(f"use a number from {least}" + (f" to {most}" if most < math.inf else ""))
        return value

    return read


_KINDS: dict[str, Callable[[str], object]] = {
    "home": Path, "config": Path, "models": Path, "database_url": str, "redis_url": str,
    "redis_down": str, "master_key": str,
    "host": str, "port": _number(int, 0, 65535), "max_body_bytes": _number(int, 1),
    "request_timeout": _number(float, 0.001), "shutdown_grace": _number(float, 0),
    "spool_max_bytes": _number(int, _MEGABYTE), "spool_full": str, "capture_payloads": _flag, "payload_key": str,
    "trusted_proxies": _networks, "public_url": _address,
    "oidc_issuer": str, "oidc_client_id": str, "oidc_client_secret": str, "oidc_audience": str,
}  # fmt: skip

_ELSEWHERE = (  # read by the SDK, the model store and the command line
    "URL", "API_KEY", "OFFLINE", "TRACEBACK", "ENVIRONMENT", "RELEASE", "SAMPLE_RATE", "TRACING",
)  # fmt: skip


def unknown_variables(env: Mapping[str, str]) -> list[str]:
    """A sentence for each `PILOTHOUSE_*` variable that nothing reads, with the nearest that something does."""
    known = [f"PILOTHOUSE_{name.upper()}" for name in (*_KINDS, *_ELSEWHERE)]
    strange = sorted(name for name in env if name.startswith("PILOTHOUSE_") and name not in known)
    near = {name: difflib.get_close_matches(name, known, n=1) for name in strange}
    return [
        f"{name}: nothing reads it" + (f"; did you mean {near[name][0]}?" if near[name] else "") for name in strange
    ]
