"""Seals bytes with AES-256-GCM, by one of several keys: the first seals, every one opens. Knows nothing of payloads.

A sealed blob, whose first byte begins neither a zstd frame nor a msgpack value:

    0xC1 | version, 1 byte | key id, 8 bytes | nonce, 12 bytes | ciphertext and tag

It is bound to its place (the additional data of the cipher): moved elsewhere it does not open. Nonces are random, which
NIST SP 800-38D (8.3) allows for 2**32 blobs under one key.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

import msgspec

from pilothouse.errors import ConfigError, MissingExtra

__all__ = ["Keyring", "SealedAway", "is_sealed", "key_of", "new_key", "opened"]

_KEY_BYTES, _ID_BYTES, _NONCE_BYTES = 32, 8, 12
_HEAD = b"\xc1\x01"
_BODY_AT = len(_HEAD) + _ID_BYTES + _NONCE_BYTES
_VARIABLE = "PILOTHOUSE_PAYLOAD_KEY"


class SealedAway(ValueError):
    """Something that cannot be opened here. The message says why and what to do."""


class Keyring:
    """AES keys of 32 bytes, the newest first. Raises MissingExtra where `cryptography` is not installed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        try:
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra, wanted by few
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - the same
        except ModuleNotFoundError:
            raise MissingExtra("The encryption of payloads", "encryption") from None
        self._wrong: type[Exception] = InvalidTag
        self._ciphers = {_id_of(key): AESGCM(key) for key in keys}
        self._newest = next(iter(self._ciphers))
        self.head = _HEAD + self._newest
        """How everything begins that the newest key sealed."""

    @classmethod
    def of(cls, setting: str | None) -> "Keyring | None":
        """The keys of PILOTHOUSE_PAYLOAD_KEY: base64, separated by commas. Raises ConfigError without telling them."""
        keys = [_decoded(part.strip()) for part in (setting or "").split(",") if part.strip()]
        return cls(keys) if keys else None

    def seal(self, data: bytes, *place: str) -> bytes:
        """`data`, readable with the key and at this place alone. 2 us for 700 bytes (measured)."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.head + nonce + self._ciphers[self._newest].encrypt(nonce, data, _bound(place))

    def open(self, blob: bytes, *place: str) -> bytes:
        """What was sealed. Raises SealedAway."""
        name = key_of(blob)
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SealedAway(_no_key(name))
        try:
            return cipher.decrypt(blob[len(_HEAD) + _ID_BYTES : _BODY_AT], blob[_BODY_AT:], _bound(place))
        except (self._wrong, ValueError):
            raise SealedAway("the stored payload is damaged, or was sealed for another place") from None


def is_sealed(blob: bytes) -> bool:
    """Whether a Keyring made this."""
    return blob.startswith(_HEAD)


def key_of(blob: bytes) -> bytes:
    """The id of the key that sealed this."""
    return blob[len(_HEAD) : len(_HEAD) + _ID_BYTES]


def opened(keyring: Keyring | None, blob: bytes, *place: str) -> bytes:
    """`blob`, opened where it is sealed. Raises SealedAway."""
    if not is_sealed(blob):
        return blob
    if keyring is None:
        raise SealedAway(_no_key(key_of(blob)))
    return keyring.open(blob, *place)


def new_key() -> str:
    """A random key, as PILOTHOUSE_PAYLOAD_KEY takes it."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def _no_key(name: bytes) -> str:
    return f"the payload is sealed with the key {name.hex()}, which {_VARIABLE} does not hold here"


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"pilothouse payload key\0" + key).digest()[:_ID_BYTES]


def _bound(place: Sequence[str]) -> bytes:
    return msgspec.msgpack.encode(place)


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, altchars=b"-_" if {"-", "_"} & set(text) else None, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            f"{_VARIABLE}: a key must be 32 bytes in base64. `pilothouse payloads key` makes one.", param=_VARIABLE
        )
    return key
