"""Console sessions without state: a signed cookie, so that any worker can check it and revoking the key ends it."""

import hashlib
import hmac

from pilothouse.access.keys import Keys
from pilothouse.errors import Unauthenticated
from pilothouse.ids import now_us

__all__ = ["Sessions"]

_LIFETIME_US = 12 * 3600 * 1_000_000


class Sessions:
    """Cookies of the form `key_id.expiry.signature`, signed (HMAC-SHA256) with the stored hash of the key itself."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def session_for(self, key: str) -> str | None:
        """A cookie good for 12 hours, or None when this is no administrator's key."""
        try:
            principal = self._keys.authenticate(f"Bearer {key}")
        except Unauthenticated:
            return None
        if not principal.is_admin:
            return None
        claim = f"{principal.key_id}.{now_us() + _LIFETIME_US}"
        return f"{claim}.{self._sign(claim, principal.key_id)}"

    def check(self, cookie: str) -> bool:
        """Whether the cookie is ours, unexpired, and its key still valid."""
        claim, _, signature = cookie.rpartition(".")
        key_id, _, expiry = claim.partition(".")
        expected = self._sign(claim, key_id)
        if expected is None or not hmac.compare_digest(signature.encode(), expected.encode()):
            return False
        return int(expiry) > now_us()

    def _sign(self, claim: str, key_id: str) -> str | None:
        secret = self._keys.hash_of(key_id)
        return secret and hmac.new(secret.encode(), claim.encode(), hashlib.sha256).hexdigest()
