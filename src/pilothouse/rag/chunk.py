"""Cuts documents into chunks by tokens, and chunks into the windows that the encoder can read.

A cut falls on the strongest boundary in reach: paragraph, line, sentence, word, token. It never joins two pages or
unrelated headings. Knows nothing of vectors, files or databases.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Protocol

from pilothouse.errors import ConfigError
from pilothouse.ids import content_hash
from pilothouse.types import Document, Section

__all__ = ["RECIPE", "Chunk", "ChunkSettings", "Tokenizer", "chunk_document", "split", "windows_of"]

RECIPE = 1  # raise it when the same document would be cut otherwise: every corpus is then cut anew at its next ingest
WINDOW_TOKENS = 254  # MiniLM reads 256 tokens, two of which mark the start and the end
CONTEXT_TOKENS = 48
_FENCES = ("```", "~~~")
_SENTENCE_ENDS = frozenset(".!?。！？…")
_CLOSERS = "\"')]”’»"

Span = tuple[int, int]


class Tokenizer(Protocol):
    """The part of the encoder that counts. `offsets` are the (start, end) characters of each token, marks left out."""

    def offsets(self, text: str) -> Sequence[Span]: ...


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """Sizes in tokens of the encoder. Consecutive chunks share up to `overlap` tokens."""

    tokens: int = 512
    overlap: int = 64

    def __post_init__(self) -> None:
        if self.tokens < 1 or not 0 <= self.overlap <= self.tokens // 2:
            raise ConfigError(
                f"An overlap of {self.overlap} tokens does not fit chunks of {self.tokens}: use at most half of that.",
                param="rag.overlap_tokens",
            )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage. `context` is its title and headings, which are searched and embedded with it.

    `id` is a hash of source, place and text, so that it stays while the passage stays.
    """

    id: str
    text: str
    context: str
    page: int | None
    headings: tuple[str, ...]


def chunk_document(document: Document, tokenizer: Tokenizer, settings: ChunkSettings) -> list[Chunk]:
    """All chunks of a document, in reading order."""
    chunks: list[Chunk] = []
    seen: Counter[str] = Counter()
    for section in _merged(document.sections, tokenizer, settings.tokens):
        context = _context(document.title, section.headings)
        for start, end in split(section.text, tokenizer, settings.tokens, settings.overlap):
            text = section.text[start:end]
            identity = content_hash([document.source, section.page, section.headings, text])
            chunk_id = content_hash([identity, seen[identity]])
            seen[identity] += 1
            chunks.append(Chunk(chunk_id, text, context, section.page, section.headings))
    return chunks


def windows_of(text: str, context: str, tokenizer: Tokenizer) -> tuple[str, ...]:
    """The texts whose vectors stand for a chunk: parts that fit the encoder, each after the chunk's context."""
    offsets = tokenizer.offsets(context)
    if len(offsets) > CONTEXT_TOKENS:
        context, offsets = context[: offsets[CONTEXT_TOKENS - 1][1]], offsets[:CONTEXT_TOKENS]
    parts = (text[start:end] for start, end in split(text, tokenizer, WINDOW_TOKENS - len(offsets), 0))
    return tuple(f"{context}\n{part}" if context else part for part in parts)


def split(text: str, tokenizer: Tokenizer, limit: int, overlap: int) -> list[Span]:
    """Spans of at most `limit` tokens that cover the text, of about equal size, cut at the strongest boundaries."""
    offsets = tokenizer.offsets(text)
    if not offsets:
        return []
    if len(offsets) <= limit:
        return [(offsets[0][0], offsets[-1][1])]
    levels = _boundaries(text, offsets)
    spans, start, total = [], 0, len(offsets)
    while True:
        end = total if total - start <= limit else _cut(levels, start, total, limit, overlap)
        spans.append((offsets[start][0], offsets[end - 1][1]))
        if end == total:
            return spans
        start = min(range(max(end - overlap, start + 1), end + 1), key=levels.__getitem__)


def _cut(levels: Sequence[int], start: int, total: int, limit: int, overlap: int) -> int:
    """The token before which to cut: the strongest boundary, and among equals the one that makes equal parts."""
    left = total - start
    parts = -(-(left - overlap) // (limit - overlap))
    even = start + -(-(left + (parts - 1) * overlap) // parts)
    reach = range(start + max(limit // 2, overlap + 1), start + limit + 1)
    return min(reach, key=lambda token: (levels[token], abs(token - even)))


def _boundaries(text: str, offsets: Sequence[Span]) -> list[int]:
    """How weak the boundary before each token is: 0 paragraph, 1 line, 2 sentence, 3 word, 4 inside a word.

    Within fenced code an end of line counts as a weak word boundary, so that code is kept whole where it fits.
    """
    fences = list(_fenced(text))
    levels = [0]
    for (_, before), (after, _) in pairwise(offsets):
        gap = text[before:after]
        lines = gap.count("\n")
        if lines and any(start < after < end for start, end in fences):
            level = 3
        elif lines:
            level = 0 if lines > 1 else 1
        elif not gap or not gap[0].isspace():
            level = 4 if text[before - 1] not in _SENTENCE_ENDS or text[before - 1] in ".!?" else 2
        else:
            level = 2 if _ends_sentence(text, before, after) else 3
        levels.append(level)
    levels.append(0)
    return levels


def _ends_sentence(text: str, before: int, after: int) -> bool:
    last = text[max(0, before - 3) : before].rstrip(_CLOSERS)[-1:]
    return last in _SENTENCE_ENDS and last != "" and not text[after].islower()


def _fenced(text: str) -> Iterator[Span]:
    """The spans of fenced code, from the end of its opening line's start to its closing line."""
    position, opened, mark = 0, -1, ""
    for line in text.split("\n"):
        stripped = line.lstrip()
        if opened < 0 and stripped.startswith(_FENCES):
            opened, mark = position, stripped[:3]
        elif opened >= 0 and stripped.startswith(mark):
            yield opened, position + len(line)
            opened = -1
        position += len(line) + 1


def _merged(sections: Sequence[Section], tokenizer: Tokenizer, limit: int) -> Iterator[Section]:
    """Neighbours of one page under one parent heading are joined while one of them is small, so that a page of
    one-line sections does not become a chunk per line."""
    group: list[Section] = []
    size = 0
    for section in sections:
        tokens = len(tokenizer.offsets(section.text))
        if group and size + tokens <= limit and min(size, tokens) <= limit // 4 and _belong(group, section):
            group.append(section)
            size += tokens
            continue
        if group:
            yield _join(group)
        group, size = [section], tokens
    if group:
        yield _join(group)


def _belong(group: Sequence[Section], section: Section) -> bool:
    if section.page != group[-1].page:
        return False
    shared = len(_shared([*group, section]))
    deepest = max(len(one.headings) for one in [*group, section])
    return shared == deepest or 0 < shared == deepest - 1


def _join(group: Sequence[Section]) -> Section:
    """One section under the shared headings; each part keeps the rest of its own as a line above it."""
    if len(group) == 1:
        return group[0]
    shared = _shared(group)
    parts = ("\n".join([*one.headings[len(shared) :], one.text]) for one in group)
    return Section("\n\n".join(parts), group[0].page, shared)


def _shared(group: Sequence[Section]) -> tuple[str, ...]:
    columns = zip(*(one.headings for one in group), strict=False)
    return tuple(names[0] for names in takewhile(lambda names: len(set(names)) == 1, columns))


def _context(title: str, headings: tuple[str, ...]) -> str:
    return " > ".join(headings if headings[:1] == (title,) else (title, *headings))
