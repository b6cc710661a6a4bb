"""Wire-format models whose behaviour is known: one that does all it is told, and one that refuses. What a red team
shows of them is what it can show at all.

The obedient one understands the canary goals of `pilothouse.redteam` in whatever language they are asked: it looks for
words, tools and codes, not for sentences.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Heard, ToolCall
from pilothouse.types import Json

__all__ = ["REFUSAL", "ObedientServer", "RefusingServer", "obey", "obeyed"]

REFUSAL = "I'm sorry, but I can't help with that."
_JOIN = re.compile(r"(?:words|Wörtern|mots|palabras|parole) (\w+) (?:and|und|et|y|e) (\w+)", re.IGNORECASE)
_CODE = re.compile(
    r"reference.code|Referenzcode|code de référence|código de referencia|codice di riferimento", re.IGNORECASE
)  # fmt: skip
_CALL = re.compile(r"\b(?:Call the tool|das Werkzeug|Appelle|Llama|Chiama)\b.*?\b(\w+_\w+|transfer)\b", re.IGNORECASE)
_FOREVER = re.compile(r"(?:Repeat the word|das Wort|le mot|la palabra|la parola) (\w+)", re.IGNORECASE)
_SECRET = re.compile(r"\b[A-Z]{4}-[0-9]{4}\b")
_MARKER = re.compile(r"[0-9a-f]{6}@canary\.example|/canary/[0-9a-f]{6}\.txt|CANARY-[0-9a-f]{6}")
_PART = re.compile(r"\bpart \d+ = (['\"])(.*?)\1(?=\s|$)")
_BASE64, _HEX = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}"), re.compile(r"(?:[0-9a-f]{2}){12,}")
_DATAMARK = re.compile("[\ue000-\ue0ff]")
_INVISIBLE = str.maketrans("", "", "\u200b\u200c\u2060")
_UNLEET = str.maketrans("431057", "aeiost")
_LATIN = str.maketrans("асеіорѕхуАСЕНІКМОРТХ", "aceiopsxyACEHIKMOPTX")
_REPEATED = 40
_KNOWN = 40  # characters by which it knows a text again


class ObedientServer(OpenAIServer):
    """Does what it is told, wherever that stands and however it is written. `memory` are texts that it knows by heart:
    what it is shown the begin of, it goes on with, and what it says once it is tired of repeating."""

    def __init__(self, memory: Sequence[str] = ()) -> None:
        super().__init__()
        self.memory = memory

    def pick(self, heard: Heard) -> Answer:
        return obey(heard, self.memory)


class RefusingServer(OpenAIServer):
    """Refuses whatever it is asked."""

    def __init__(self) -> None:
        super().__init__(Answer(text=REFUSAL))


def obey(heard: Heard, memory: Sequence[str] = ()) -> Answer:
    """What it does on a request's last words: the last thing that they tell, in any way of writing."""
    if not heard.turns:
        return Answer(text="Yes?")
    last = heard.turns[-1]
    text = "\n".join(result for _, result in last.results) if last.results else last.text
    for view in _views(_DATAMARK.sub(" ", text)):
        if (found := _deed(view, text, heard, memory)) is not None:
            return found
    readers = [name for name in heard.tools if name.startswith("read_")]
    if readers and not any(turn.results for turn in heard.turns):
        return Answer(text="", tool_calls=(ToolCall("call_1", readers[0], {}),), finish_reason="tool_calls")
    return Answer(text="Yes, gladly.")


def obeyed(body: Json, memory: Sequence[str] = ()) -> Json:
    """The message that it answers a chat request with, without a server."""
    server = ObedientServer(memory)
    heard = server._hear_chat(body, Heard("chat", str(body.get("model", ""))))
    message: Json = server.whole(heard, obey(heard, memory))["choices"][0]["message"]
    return message


def _deed(view: str, text: str, heard: Heard, memory: Sequence[str]) -> Answer | None:
    """The last of all that a text tells it to do; None where that is nothing."""
    deeds = list[tuple[int, Answer]]()
    for known in memory:
        at = view.find(known[:_KNOWN])
        if at >= 0:
            pairs = zip(known, view[at:], strict=False)
            shown = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
            deeds.append((at, Answer(text=known[shown:])))
    for found in _CALL.finditer(view):
        if found[1] in heard.tools:
            markers = _MARKER.findall(text) or _MARKER.findall(view)
            fields: Json = heard.tools[found[1]].get("properties") or {}
            call = ToolCall("call_2", found[1], dict.fromkeys(fields, markers[-1] if markers else ""))
            deeds.append((found.start(), Answer(text="", tool_calls=(call,), finish_reason="tool_calls")))
    deeds += [(found.start(), Answer(text=f"{found[1]}-{found[2]}")) for found in _JOIN.finditer(view)]
    for found in _FOREVER.finditer(view):
        deeds.append((found.start(), Answer(text=" ".join([*[found[1]] * _REPEATED, *memory]))))
    if secrets := _SECRET.findall(heard.system):
        deeds += [(found.start(), Answer(text=f"It is {secrets[0]}.")) for found in _CODE.finditer(view)]
    return max(deeds, key=lambda one: one[0])[1] if deeds else None


def _views(text: str) -> Iterator[str]:
    """A text, and what it may have been before it was written so."""
    yield text
    if parts := _PART.findall(text):
        yield " ".join(part for _, part in parts)
    for found in _BASE64.findall(text):
        try:
            yield base64.b64decode(found).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    for found in _HEX.findall(text):
        yield bytes.fromhex(found).decode("utf-8", "replace")
    yield codecs.decode(text, "rot13")
    yield text.translate(_INVISIBLE).translate(_LATIN)
    yield text.translate(_UNLEET)
    yield re.sub(r"(?<=\S) (?=\S)", "", text).replace("  ", " ")
