"""Finds the cached question that means the same as the one asked, among those of one context.

A context is everything but the last user message: scope, alias, versions, system prompt, history, tools and format;
its fingerprint is the key of the request without that message's text. Questions of different contexts never meet.
Vectors live in memory; where the store outlasts the process they are kept there too, and those of other processes
are looked up every few seconds. Knows nothing of answers, and calls no model: vectors are given.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from pilothouse.cache.exact import NATIVE, key_of
from pilothouse.cache.stores import Store
from pilothouse.cache.vetoes import conflict
from pilothouse.cache.wording import read
from pilothouse.call import Call
from pilothouse.ids import now_us
from pilothouse.types import ChatRequest, Json

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors

__all__ = ["LONGEST_QUESTION", "Match", "SemanticIndex", "context_of"]

LONGEST_QUESTION = 512
"""Characters. The encoder reads 256 tokens: of two longer texts that begin alike it would not see the difference."""

_GROUP = 2048  # questions of one context; the oldest goes
_MOST = 20_000  # questions in memory, 32 MB of vectors; the context that was used longest ago goes
_REFRESH_US = 10_000_000
_CANDIDATES = (
    8  # questions compared, at most, of those above the threshold: near misses may be nearer than the one meant
)
_READ = 4096  # wordings kept: reading a question costs ten times what comparing two costs; about 8 kB each
_SAID = ("prompt", "input", "messages")  # where the dialects have the conversation


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """As the store has it; the vector as float16, whose error of a cosine is below 0.001."""

    question: str
    vector: bytes
    answer_key: str


@dataclass(frozen=True, slots=True)
class Match:
    """A question above the threshold that no veto parts from the one asked."""

    name: str
    question: str
    answer_key: str
    cosine: float


class _Group:
    """The questions of one context, their vectors as rows."""

    def __init__(self) -> None:
        self.rows: Vectors | None = None
        self.entries: list[tuple[str, str, str]] = []  # (name, question, answer_key) of each row
        self.places: dict[str, int] = {}
        self.refreshed_us = -_REFRESH_US
        self._oldest = 0

    def put(self, name: str, question: str, vector: "Vectors", answer_key: str) -> None:
        place = self.places.get(name)
        if place is None:
            place = self._place()
        if self.rows is None or place >= len(self.rows):
            self.rows = _grown(self.rows, len(vector))
        self.places[name] = place
        self.rows[place] = vector
        self.entries[place] = (name, question, answer_key)

    def drop(self, name: str) -> None:
        place = self.places.pop(name, None)
        if place is not None and self.rows is not None:
            self.rows[place] = 0.0
            self.entries[place] = ("", "", "")

    def best(self, vector: "Vectors") -> list[tuple[float, tuple[str, str, str]]]:
        if self.rows is None:
            return []
        cosines = self.rows[: len(self.entries)] @ vector
        return [(float(cosines[i]), self.entries[i]) for i in (-cosines).argsort()[:_CANDIDATES] if self.entries[i][0]]

    def _place(self) -> int:
        """A free row: a new one, or the oldest's where the group is full."""
        if len(self.entries) < _GROUP:
            self.entries.append(("", "", ""))
            return len(self.entries) - 1
        place, self._oldest = self._oldest, (self._oldest + 1) % _GROUP
        self.places.pop(self.entries[place][0], None)
        return place


class SemanticIndex:
    """Questions by their context (`context_of`), over a Store."""

    def __init__(self, store: Store, *, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        self._count = 0
        self._read = lru_cache(_READ)(read)

    def __len__(self) -> int:
        return self._count

    async def nearest(self, context: str, question: str, vector: "Vectors", threshold: float) -> Match | None:
        """The most similar question with a cosine of at least `threshold` whose answer would serve this one."""
        group = await self._group(context)
        for cosine, (name, other, answer_key) in group.best(vector):
            if cosine < threshold:
                return None
            if conflict(self._read(question), self._read(other)) is None:
                return Match(name, other, answer_key, cosine)
        return None

    async def add(self, context: str, question: str, vector: "Vectors", answer_key: str, ttl: float) -> None:
        """Keep a question whose answer is stored under `answer_key`."""
        name = f"{context}\n{blake2b(question.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
        group = await self._group(context)
        self._put(group, name, question, vector, answer_key)
        if self._store.persistent:
            kept = _Kept(question, vector.astype("<f2").tobytes(), answer_key)
            await self._store.put(name, msgspec.msgpack.encode(kept), ttl)

    async def drop(self, context: str, match: Match) -> None:
        """Forget a question whose answer is gone."""
        if (group := self._groups.get(context)) and match.name in group.places:
            group.drop(match.name)
            self._count -= 1
        if self._store.persistent:
            await self._store.delete(match.name)

    def forget(self, prefix: str) -> None:
        """Forget, in memory, the contexts whose keys begin with a tenant's prefix."""
        for context in [context for context in self._groups if context.startswith(prefix)]:
            self._count -= len(self._groups.pop(context).places)

    async def _group(self, context: str) -> _Group:
        group = self._groups.get(context)
        if group is None:
            group = self._groups[context] = _Group()
        self._groups.move_to_end(context)
        now = self._clock()
        if self._store.persistent and now - group.refreshed_us >= _REFRESH_US:
            group.refreshed_us = now
            for name, value in await self._store.scan(f"{context}\n", group.places):
                kept = msgspec.msgpack.decode(value, type=_Kept)
                self._put(group, name, kept.question, _floats(kept.vector), kept.answer_key)
        while len(self._groups) > 1 and (self._count > _MOST or len(self._groups) > _MOST):
            self._count -= len(self._groups.popitem(last=False)[1].places)
        return group

    def _put(self, group: _Group, name: str, question: str, vector: "Vectors", answer_key: str) -> None:
        before = len(group.places)
        group.put(name, question, vector, answer_key)
        self._count += len(group.places) - before


def context_of(request: ChatRequest, call: Call, alias: str, revision: str, scope: str) -> str:
    """The fingerprint of what surrounds the last user message, behind its tenant's prefix.

    Of another dialect than the chat's, its own turns count too: they may hold what a chat cannot say, such as a file.
    """
    around: Json = {name: value for name, value in request.body.items() if name not in _SAID}
    around["messages"] = _unasked(request.messages)
    if request.operation in NATIVE:
        around["turns"] = [_unasked(request.body.get(name)) for name in _SAID]
    asked = ChatRequest(around, request.operation, headers=request.headers)
    return key_of(asked, call, alias, revision, scope, kind="s")


def _unasked(turns: object) -> list[object]:
    """A conversation without the words of its last user message."""
    left = list(turns) if isinstance(turns, list) else []
    for at in range(len(left) - 1, -1, -1):
        if isinstance(left[at], dict) and left[at].get("role") == "user":
            left[at] = {**left[at], "content": _wordless(left[at].get("content"))}
            break
    return left


def _wordless(content: object) -> object:
    """What of a message is no text: an image, a file."""
    parts = content if isinstance(content, list) else ()
    return [part for part in parts if not (isinstance(part, dict) and part.get("type") in ("text", "input_text"))]


def _grown(rows: "Vectors | None", dimensions: int) -> "Vectors":
    import numpy as np  # noqa: PLC0415 - a gateway without a semantic cache does not need it

    if rows is None:
        return np.zeros((1, dimensions), np.float32)
    return np.concatenate([rows, np.zeros_like(rows)])


def _floats(raw: bytes) -> "Vectors":
    import numpy as np  # noqa: PLC0415 - see above

    return np.frombuffer(raw, "<f2").astype(np.float32)
