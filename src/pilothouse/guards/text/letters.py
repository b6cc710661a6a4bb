"""How unexpected the letters of a text are: a model of three letters in a row, shipped as a small file.

P(c | a b) is interpolated from counts of one, two and three characters (Witten and Bell, 1991) and kept as bits in
sixteenths. Knows nothing of guards; `benchmarks/guards/train_letters.py` trains it.
"""

import base64
import json
import string
import unicodedata
import zlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Bits = NDArray[np.float64]

__all__ = ["OTHER", "SIGNS", "Letters", "codes_of"]

SIGNS = string.ascii_lowercase + " \n0" + string.punctuation
"""What is told apart; digits count as `0`."""
OTHER = len(SIGNS)
"""The code of everything else, such as letters of other scripts."""
_SIZE = OTHER + 1
_STEP = 16  # of a bit


def codes_of(text: str) -> "Codes":
    """The code of each character, (len(text),). Capitals count as small letters, accents do not count."""
    points = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
    return _TABLE[np.minimum(points, len(_TABLE) - 1)]


def _table() -> "Codes":
    made = np.full(0x180, OTHER, dtype=np.int64)
    for point in range(len(made) - 1):
        char = unicodedata.normalize("NFD", chr(point).lower())[:1]
        char = "0" if char.isdigit() else "\n" if char == "\r" else " " if char.isspace() and char != "\n" else char
        made[point] = SIGNS.find(char) if char and char in SIGNS else OTHER
    return made


_TABLE = _table()


class Letters:
    """`bits` of each character after the two before it, shape (codes, codes, codes), flat. `card` says what it was
    trained on."""

    def __init__(self, bits: "NDArray[np.uint8]", card: dict[str, Any]) -> None:
        self._bits, self.card = bits, card

    def surprise(self, codes: "Codes") -> "Bits":
        """Bits of each of these characters, (n,); the first two count as after blanks."""
        space = SIGNS.index(" ")
        before = np.concatenate(([space, space], codes))
        rows = (before[:-2] * _SIZE + before[1:-1]) * _SIZE + codes
        return self._bits[rows] / float(_STEP)

    @classmethod
    def trained(cls, codes: "Codes", card: dict[str, Any]) -> "Letters":
        """Of a text of at least three characters."""
        one = np.bincount(codes, minlength=_SIZE).astype(np.float64)
        chance = (one + 0.5) / (one.sum() + 0.5 * _SIZE)
        two = np.bincount(codes[:-1] * _SIZE + codes[1:], minlength=_SIZE**2).reshape(_SIZE, _SIZE)
        chance = _mixed(two, chance[None, :])
        three = np.bincount((codes[:-2] * _SIZE + codes[1:-1]) * _SIZE + codes[2:], minlength=_SIZE**3)
        chance = _mixed(three.reshape(_SIZE, _SIZE, _SIZE), chance[None, :, :])
        bits = np.clip(np.round(-np.log2(chance) * _STEP), 0, 255).astype(np.uint8)
        return cls(bits.reshape(-1), card)

    def to_json(self) -> dict[str, Any]:
        packed = base64.b85encode(zlib.compress(self._bits.tobytes(), 9)).decode("ascii")
        return {"name": "letters", "card": self.card, "signs": SIGNS, "bits": packed}

    @classmethod
    def shipped(cls) -> "Letters":
        """The one that comes with the package."""
        data = json.loads((files("pilothouse.models") / "trained" / "letters.json").read_text("utf-8"))
        if data["signs"] != SIGNS:
            raise ValueError("letters.json was trained on other signs")
        bits = np.frombuffer(zlib.decompress(base64.b85decode(data["bits"])), dtype=np.uint8)
        return cls(bits, data["card"])


def _mixed(counts: "NDArray[Any]", lower: "Bits") -> "Bits":
    """Counts mixed with what is known of shorter contexts, by how many different signs follow each context."""
    total = counts.sum(axis=-1, keepdims=True).astype(np.float64)
    kinds = (counts > 0).sum(axis=-1, keepdims=True).astype(np.float64)
    return (counts + np.maximum(kinds, 1) * lower) / (total + np.maximum(kinds, 1))  # type: ignore[no-any-return]
