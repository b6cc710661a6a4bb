"""An OpenID provider: its discovery document, its keys, and the tokens that it signed. HTTP by aiohttp.

OpenID Connect Discovery 1.0, RFC 7519 (JWT) and RFC 8725 (its best current practices). Knows nothing of members.
"""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pilothouse.access.keys import Keys
from pilothouse.errors import ConfigError, Forbidden, MissingExtra, Overloaded, Unauthenticated
from pilothouse.principal import Principal
from pilothouse.types import Json

__all__ = ["Issuer", "TokenPeople", "subjects_of"]

LEEWAY = 60  # seconds by which the provider's clock may differ from ours
_FRESH_SECONDS = 3600.0  # how long discovery and keys are taken to hold
_REFETCH_SECONDS = 10.0  # not more often, whatever key ids tokens name
_REMEMBERED_SECONDS = 300.0  # how long a token that was verified is not verified again
_MOST_REMEMBERED = 10_000
_LARGEST_TOKEN = 16 * 1024
_LARGEST_DOCUMENT = 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=10)
# Only signatures by a private key: with HS256 whoever knows the public key could sign, and `none` is no signature.
_ALGORITHMS = frozenset(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Issuer:
    """One OpenID provider. `url` is its issuer identifier; `clock` gives seconds since 1970.

    Raises ConfigError when the URL is not https (loopback excepted), MissingExtra without the extra `oidc`.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ConfigError(f"PILOTHOUSE_OIDC_ISSUER={url!r}: must begin with https://.", param="oidc_issuer")
        try:
            import joserfc.jwt  # noqa: F401, PLC0415 - an extra; here to be missed at the start, not at a request
        except ModuleNotFoundError:
            raise MissingExtra("Sign-in by OpenID Connect", "oidc") from None
        self.url = url
        self.clock = clock
        self._lock = asyncio.Lock()
        self._metadata: Json = {}
        self._metadata_at = 0.0
        self._keys: list[tuple[str | None, Any]] = []
        self._keys_at = 0.0

    async def metadata(self) -> Json:
        """The discovery document. Raises Overloaded while the provider cannot be reached."""
        async with self._lock:
            return await self._discover()

    async def claims(self, token: str, audience: str) -> tuple[Json, Json]:
        """Header and claims of a token that this provider signed for `audience`, and that holds now.

        Raises Unauthenticated.
        """
        from joserfc import jwt  # noqa: PLC0415 - an extra
        from joserfc.errors import JoseError  # noqa: PLC0415

        header = _header(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
            raise Unauthenticated(f"A token signed with '{algorithm}' is not accepted.")
        for key in await self._candidates(header.get("kid")):
            try:
                found = jwt.decode(token, key, algorithms=[algorithm])
            except (JoseError, ValueError):
                continue
            break
        else:
            raise Unauthenticated(f"The token was not signed by {self.url}.")
        wanted: Any = {
            "iss": {"essential": True, "value": self._metadata["issuer"]},
            "aud": {"essential": True, "value": audience},
            "sub": {"essential": True},
            "exp": {"essential": True},
        }
        try:
            jwt.JWTClaimsRegistry(int(self.clock()), LEEWAY, **wanted).validate(found.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"The token of {self.url} does not hold: {_reason(error)}.") from None
        return header, found.claims

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Json]:
        """Status and JSON of the answer to a form, as token endpoints take it."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as client,
                client.post(url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status, await _json(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Overloaded(f"{self.url} gave no answer ({_reason(error)}). Try again.") from None

    async def _candidates(self, kid: str | None) -> Sequence[Any]:
        """The keys that may have signed; fetched again when the token names one that is not known yet."""
        async with self._lock:
            await self._discover()
            age = self.clock() - self._keys_at
            if age > _FRESH_SECONDS or (age > _REFETCH_SECONDS and not self._named(kid)):
                self._keys = _usable(await self._get(self._metadata["jwks_uri"]))
                self._keys_at = self.clock()
            return self._named(kid)

    def _named(self, kid: str | None) -> Sequence[Any]:
        return [key for name, key in self._keys if kid is None or name == kid]

    async def _discover(self) -> Json:
        if not self._metadata or self.clock() - self._metadata_at > _FRESH_SECONDS:
            found = await self._get(self.url.rstrip("/") + "/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self.url.rstrip("/"):
                raise Overloaded(f"{self.url} says it is '{found.get('issuer')}'. Look after PILOTHOUSE_OIDC_ISSUER.")
            missing = [n for n in ("authorization_endpoint", "token_endpoint", "jwks_uri") if n not in found]
            if missing:
                raise Overloaded(f"{self.url} names no {' and no '.join(missing)} in its discovery document.")
            self._metadata, self._metadata_at = found, self.clock()
        return self._metadata

    async def _get(self, url: str) -> Json:
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as client, client.get(url) as answer:
                if answer.status != 200:
                    raise Overloaded(f"{url} answered {answer.status}. Look after PILOTHOUSE_OIDC_ISSUER.")
                return await _json(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Overloaded(f"{url} cannot be read ({_reason(error)}). Try again.") from None


@dataclass(frozen=True, slots=True)
class _Verified:
    subjects: tuple[str, ...]
    until: float


class TokenPeople:
    """Knows members by a JSON Web Token that the provider made for `audience`: the API's way in for people.

    A token is verified once (0.2 ms), then known for five minutes at most; who is a member is asked each time.
    """

    def __init__(self, issuer: Issuer, audience: str, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._verified: dict[bytes, _Verified] = {}

    async def principal(self, token: str) -> Principal:
        """The member. Raises Unauthenticated, or Forbidden for somebody who is no member."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None or known.until <= self._clock():
            _, claims = await self._issuer.claims(token, self._audience)
            until = min(float(claims["exp"]) + LEEWAY, self._clock() + _REMEMBERED_SECONDS)
            known = _Verified(subjects_of(claims), until)
            if len(self._verified) >= _MOST_REMEMBERED:
                self._verified.clear()
            self._verified[digest] = known
        found = self._keys.person(known.subjects)
        if found is None:
            raise Forbidden(f"'{known.subjects[-1]}' is no member of a project. An administrator lets people in.")
        return found


def subjects_of(claims: Json) -> tuple[str, ...]:
    """The names by which a person may be a member: the `sub`, and the e-mail address where the provider verified it.

    A `sub` that looks like an address does not count as one: nobody verified that.
    """
    subject, address = str(claims["sub"]), claims.get("email")
    found = [subject] if "@" not in subject else []
    if isinstance(address, str) and claims.get("email_verified") is True:
        found += dict.fromkeys((address, address.lower()))
    return tuple(found) or (f"sub:{subject}",)


def _header(token: str) -> Json:
    """The header of a token, not yet verified."""
    head = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or len(token) > _LARGEST_TOKEN:
        raise Unauthenticated("This is no JSON Web Token.")
    return header


def _usable(document: Json) -> list[tuple[str | None, Any]]:
    """The signing keys of a JSON Web Key Set (RFC 7517); what is of another kind, or broken, is left out."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - an extra
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415

    found: list[tuple[str | None, Any]] = []
    for entry in document.get("keys", ()):
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") == "oct":
            continue
        try:
            found.append((entry.get("kid"), JWKRegistry.import_key(entry)))
        except (JoseError, ValueError, KeyError, TypeError):
            continue
    return found


async def _json(answer: aiohttp.ClientResponse) -> Json:
    body = await answer.content.read(_LARGEST_DOCUMENT)
    while not answer.content.at_eof() and len(body) < _LARGEST_DOCUMENT:
        body += await answer.content.read(_LARGEST_DOCUMENT - len(body))
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
