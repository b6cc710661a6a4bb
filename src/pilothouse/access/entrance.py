"""The ways in, as the settings want them: the door of `/v1` and `/api`, console sessions, sign-in by OpenID Connect."""

from dataclasses import dataclass

from pilothouse.access.door import Door
from pilothouse.access.keys import Keys
from pilothouse.access.oidc import Issuer, TokenPeople
from pilothouse.access.sessions import Sessions
from pilothouse.access.signin import SignIn
from pilothouse.errors import ConfigError
from pilothouse.settings import Settings
from pilothouse.storage.changes import Changes

__all__ = ["Entrance", "entrance"]


@dataclass(frozen=True, slots=True)
class Entrance:
    """`sign_in` is None unless an OpenID provider and a client are set."""

    door: Door
    sessions: Sessions
    sign_in: SignIn | None


def entrance(settings: Settings, keys: Keys, changes: Changes) -> Entrance:
    """Raises ConfigError naming the setting that is missing, MissingExtra without the extra `oidc`."""
    sessions = Sessions(keys, changes)
    if settings.oidc_issuer is None:
        return Entrance(Door(keys, changes, settings.trusted_proxies), sessions, None)
    issuer = Issuer(settings.oidc_issuer)
    if settings.oidc_client_id is None and settings.oidc_audience is None:
        raise ConfigError("PILOTHOUSE_OIDC_ISSUER needs PILOTHOUSE_OIDC_CLIENT_ID (console) or _AUDIENCE (API), too.")
    people = TokenPeople(issuer, settings.oidc_audience, keys) if settings.oidc_audience else None
    door = Door(keys, changes, settings.trusted_proxies, people)
    if settings.oidc_client_id is None:
        return Entrance(door, sessions, None)
    if settings.public_url is None:
        raise ConfigError("PILOTHOUSE_OIDC_CLIENT_ID needs PILOTHOUSE_PUBLIC_URL, where browsers reach this server.")
    secret = settings.oidc_client_secret
    return Entrance(door, sessions, SignIn(issuer, settings.oidc_client_id, secret, settings.public_url, sessions))
