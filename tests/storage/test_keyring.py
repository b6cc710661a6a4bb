"""Sealed bytes: readable with their key and at their place alone; what goes wrong is said without telling a key."""

import base64

import pytest

from pilothouse.errors import ConfigError
from pilothouse.storage.keyring import Keyring, SealedAway, is_sealed, new_key, opened

PLACE = ("default", "trace", "span")
KEY = base64.b64encode(bytes(range(32))).decode()


def ring(*keys: str) -> Keyring:
    made = Keyring.of(",".join(keys))
    assert made is not None
    return made


def test_what_was_sealed_opens_at_its_place_and_shows_nothing() -> None:
    keyring = ring(new_key())
    blob = keyring.seal(b"the secret of the house", *PLACE)
    assert is_sealed(blob)
    assert b"secret" not in blob
    assert blob != keyring.seal(b"the secret of the house", *PLACE)
    assert keyring.open(blob, *PLACE) == b"the secret of the house"


@pytest.mark.parametrize(
    "place", [("other", "trace", "span"), ("default", "trace", "span2"), ("default", "tracespan", ""), ()]
)
def test_it_opens_nowhere_else(place: tuple[str, ...]) -> None:
    keyring = ring(new_key())
    with pytest.raises(SealedAway, match="another place"):
        keyring.open(keyring.seal(b"x", *PLACE), *place)


def test_every_bit_counts() -> None:
    keyring = ring(new_key())
    blob = keyring.seal(b"x", *PLACE)
    for i in range(10, len(blob)):
        with pytest.raises(SealedAway, match="damaged"):
            keyring.open(blob[:i] + bytes([blob[i] ^ 1]) + blob[i + 1 :], *PLACE)
    for length in (2, 9, 12, len(blob) - 1):
        with pytest.raises(SealedAway):
            keyring.open(blob[:length], *PLACE)


def test_the_newest_key_seals_and_every_key_opens() -> None:
    old, new = new_key(), new_key()
    before = ring(old).seal(b"x", *PLACE)
    both = ring(new, old)
    assert both.open(before, *PLACE) == b"x"
    after = both.seal(b"y", *PLACE)
    assert after.startswith(both.head)
    assert ring(new).open(after, *PLACE) == b"y"
    with pytest.raises(SealedAway, match=r"sealed with the key [0-9a-f]{16}, which PILOTHOUSE_PAYLOAD_KEY does not"):
        ring(new).open(before, *PLACE)
    with pytest.raises(SealedAway, match="does not hold here"):
        opened(None, before, *PLACE)


def test_plain_bytes_pass() -> None:
    assert opened(None, b"plain", *PLACE) == opened(ring(new_key()), b"plain", *PLACE) == b"plain"


def test_no_key_is_no_keyring() -> None:
    assert Keyring.of(None) is Keyring.of("") is Keyring.of(" , ") is None


def test_keys_in_the_alphabet_of_urls_do_too() -> None:
    raw = b"\xfb\xff" * 16
    plain, url = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()
    assert plain != url
    assert ring(url).open(ring(plain).seal(b"x"), *()) == b"x"


@pytest.mark.parametrize("key", ["hunter2", "aGVsbG8=", "ü" * 44, KEY[:-4], f"{KEY} {KEY}"])
def test_a_bad_key_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(ConfigError, match="PILOTHOUSE_PAYLOAD_KEY: a key must be 32 bytes in base64") as refused:
        Keyring.of(f"{new_key()},{key}")
    assert key not in str(refused.value)
