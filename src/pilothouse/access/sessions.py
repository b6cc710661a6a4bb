"""Console sessions without state: a signed cookie, so that any worker can check it and revoking the key ends it.

A session stands for a key, or for a member who signed in through an OpenID provider; what it allows is looked up each
time. Knows nothing of HTTP.
"""

import base64
import binascii
import hashlib
import hmac

from pilothouse.access.keys import Keys
from pilothouse.access.loaded import MASTER
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import Unauthenticated
from pilothouse.ids import now_us
from pilothouse.principal import Principal
from pilothouse.storage.changes import Changes

__all__ = ["Sessions"]

_LIFETIME_US = 12 * 3600 * 1_000_000
_MEMBER = "member:"
_NOTE = "note:"


class Sessions:
    """Cookies of the form `who.expiry.signature`, for the console of one project.

    Signed (HMAC-SHA256) with the stored hash of the key that `who` is; a member's with that of the master key, which
    all workers know. A new master key therefore ends the sessions of members.
    """

    def __init__(self, keys: Keys, changes: Changes | None = None, project_id: str = DEFAULT_PROJECT) -> None:
        self._keys = keys
        self._changes = changes
        self._project_id = project_id

    def session_for(self, key: str) -> str | None:
        """A cookie good for 12 hours, or None when this key does not open the console."""
        self._notice()
        try:
            principal = self._keys.authenticate(f"Bearer {key}")
        except Unauthenticated:
            return None
        return self._seal(principal.key_id, _LIFETIME_US) if self._may_look(principal) else None

    def session_of(self, subject: str) -> str | None:
        """A cookie for this member, or None when the console is not for them."""
        self._notice()
        who = _MEMBER + _packed(subject)
        return self._seal(who, _LIFETIME_US) if self._visitor(who) is not None else None

    def check(self, cookie: str) -> Principal | None:
        """Whom the cookie stands for, if it is ours, unexpired, and its key or member still valid."""
        self._notice()
        who = self._opened(cookie)
        return None if who is None or who.startswith(_NOTE) else self._visitor(who)

    def note(self, text: str, seconds: float) -> str | None:
        """A cookie that remembers something between two pages; None while there is no master key."""
        return self._seal(_NOTE + _packed(text), round(seconds * 1_000_000))

    def noted(self, cookie: str) -> str | None:
        """What `note` was given, if that was here and not too long ago."""
        who = self._opened(cookie)
        return _unpacked(who.removeprefix(_NOTE)) if who is not None and who.startswith(_NOTE) else None

    def _notice(self) -> None:
        if self._changes is not None:
            self._changes.check()

    def _visitor(self, who: str) -> Principal | None:
        if who.startswith(_MEMBER):
            subject = _unpacked(who.removeprefix(_MEMBER))
            principal = None if subject is None else self._keys.person((subject,), self._project_id)
        else:
            principal = self._keys.principal_of(who)
        return principal if principal is not None and self._may_look(principal) else None

    def _may_look(self, principal: Principal) -> bool:
        """A key that is bound to endpoints or networks is not for a browser."""
        here = principal.everywhere or principal.project_id == self._project_id
        bound = principal.policy.endpoints or principal.policy.networks
        return here and not bound and principal.may("attend")

    def _seal(self, who: str, lifetime_us: int) -> str | None:
        claim = f"{who}.{now_us() + lifetime_us}"
        signature = self._sign(claim, who)
        return signature and f"{claim}.{signature}"

    def _opened(self, cookie: str) -> str | None:
        claim, _, signature = cookie.rpartition(".")
        who, _, expiry = claim.partition(".")
        expected = self._sign(claim, who)
        if expected is None or not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        return who if int(expiry) > now_us() else None

    def _sign(self, claim: str, who: str) -> str | None:
        secret = self._keys.hash_of(MASTER if ":" in who else who)
        return secret and hmac.new(secret.encode(), claim.encode(), hashlib.sha256).hexdigest()


def _packed(text: str) -> str:
    """Text in the letters that a cookie may hold, without a dot."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpacked(text: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
