"""Text from outside, set apart from the prompt: delimited, datamarked or encoded.

Spotlighting as in Hines et al. 2024, "Defending Against Indirect Prompt Injection Attacks With Spotlighting"
(arXiv:2403.14720). There the delimiter is drawn by chance; here it is a hash of all variables of the render, so
that rendering stays pure and yet no text can know, while it is written, the delimiter that will hold it.
"""

import base64
import hashlib
import json
import re

from pilothouse.prompts.templates.values import Untrusted
from pilothouse.types import Json

__all__ = ["apart", "seed_of"]

_ENCODED = json.JSONEncoder(sort_keys=True).encode
_SPACES = re.compile(r"\s")
_MARKS = [chr(0xE000 + i) for i in range(256)]


def seed_of(variables: Json) -> str:
    """The hash of the variables of a render; hex of 256 bits."""
    return hashlib.sha256(_ENCODED(variables).encode()).hexdigest()


def apart(text: Untrusted, seed: str) -> str:
    """`<untrusted-MARK>text</untrusted-MARK>`, where MARK is 16 hex digits that the text does not hold.

    Level 2 has every space, tab and line break replaced by a character of the private use area that the text does not
    hold (the first of U+E000 to U+E0FF; those of a text that holds all of these are taken out of it first). Level 3 is
    base 64 of UTF-8.
    """
    plain = str.__str__(text)
    body = plain
    if text.level == 2:
        mark = next((one for one in _MARKS if one not in plain), _MARKS[0])
        body = _SPACES.sub(mark, plain.replace(mark, ""))
    elif text.level == 3:
        body = base64.b64encode(plain.encode()).decode()
    name, folded = seed[:16], body.lower()
    while name in folded:
        name = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"<untrusted-{name}>{body}</untrusted-{name}>"
