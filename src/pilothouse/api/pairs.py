"""Basic credentials, as other tools' clients send them: the secret of the pair is a key, the public half a name for it.

Only the secret is checked (the id of the key is a good public half: it says which key that is). RFC 7617.
"""

import base64
import binascii

from pilothouse.errors import Unauthenticated

__all__ = ["bearer"]


def bearer(authorization: str | None) -> str | None:
    """A Basic pair's secret as a Bearer key; any other header as it is. Raises Unauthenticated for what is no pair."""
    scheme, _, pair = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        _, colon, secret = base64.b64decode(pair.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon, secret = "", ""
    if not colon:
        raise Unauthenticated("The Basic credentials are no 'public:secret' in base64; the secret is a key, ph-....")
    return f"Bearer {secret}"
