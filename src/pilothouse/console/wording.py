"""What differs between two texts, side by side: lines first, and within what was changed words. Knows nothing of pages.

The shortest edit is found as by E. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986),
up to a bound of edits: beyond it a block counts as changed as a whole, so that no text takes long.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

__all__ = ["Fold", "Part", "Row", "folded", "side_by_side"]

_MOST_EDITS = 600
_WORDS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")  # with the blanks before them
_MOST_LINES = 60  # of a block whose lines are looked at one by one
_ALIKE = 0.3
_FEW = 4  # letters that two changes have between them, at most, to be read as one
_AROUND = 3

Run = tuple[int, int, int]
"""Where a stretch that both have begins in each, and how long it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line, and whether the other side lacks it."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of either side by its number, which is None where that side has none."""

    old_number: int | None
    new_number: int | None
    old: Sequence[Part]
    new: Sequence[Part]
    same: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that follow each other; `hidden` where nothing changes near them."""

    rows: Sequence[Row]
    hidden: bool


def side_by_side(old: str, new: str) -> list[Row]:
    """Both texts as lines beside each other. A text that is empty has no line."""
    a, b = (text.splitlines() for text in (old, new))
    rows: list[Row] = []
    i = j = 0
    for at, to, length in (*_shared(a, b), (len(a), len(b), 0)):
        rows += _changed(a[i:at], b[j:to], i, j)
        rows += [
            Row(at + n + 1, to + n + 1, (Part(a[at + n]),), (Part(a[at + n]),), same=True) for n in range(length)
        ]  # fmt: skip
        i, j = at + length, to + length
    return rows


def folded(rows: Sequence[Row]) -> list[Fold]:
    """The rows in stretches: what changed with three lines around it, and what lies between."""
    near = [False] * len(rows)
    for n, row in enumerate(rows):
        if not row.same:
            first = max(0, n - _AROUND)
            near[first : n + _AROUND + 1] = [True] * len(near[first : n + _AROUND + 1])
    found: list[Fold] = []
    begin = 0
    for n in range(1, len(rows) + 1):
        if n == len(rows) or near[n] != near[begin]:
            found.append(Fold(rows[begin:n], not near[begin]))
            begin = n
    return found


def _changed(old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Row]:
    """A block of lines that was replaced by another, lines that are alike beside each other."""
    for one, other in _paired(old, new):
        left, right = None if one is None else old[one], None if other is None else new[other]
        parts = _words(left or "", right or "")
        yield Row(None if one is None else i + one + 1, None if other is None else j + other + 1, *parts, same=False)


def _words(old: str, new: str) -> tuple[list[Part], list[Part]]:
    """Two lines with the words that differ."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    shared = _joined(_shared(before, after), len(before), len(after), before)
    return _parts(before, [(at, n) for at, _, n in shared]), _parts(after, [(to, n) for _, to, n in shared])


def _paired(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Which line of a block belongs beside which, in the order of both, so that the most is alike."""
    if len(old) == len(new) or max(len(old), len(new)) > _MOST_LINES:
        return list(zip_longest(range(len(old)), range(len(new))))
    counted = [[Counter(_WORDS.findall(line)) for line in lines] for lines in (old, new)]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            pair = best[i + 1][j + 1] + _alike(counted[0][i], counted[1][j])
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
        elif best[i][j] == best[i][j + 1]:
            pairs.append((None, j))
            j += 1
            continue
        else:
            pairs.append((i, j))
            j += 1
        i += 1
    return [*pairs, *((n, None) for n in range(i, len(old))), *((None, n) for n in range(j, len(new)))]


def _alike(one: Counter[str], other: Counter[str]) -> float:
    """How much of two lines is the same, from 0 to 1; 0 where it is too little to read them beside each other."""
    share = 2 * (one & other).total() / max(1, one.total() + other.total())
    return share if share >= _ALIKE else 0.0


def _shared(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Run]:
    """The stretches that both have, in their order."""
    first, last = 0, 0
    while first < min(len(a), len(b)) and a[first] == b[first]:
        first += 1
    while last < min(len(a), len(b)) - first and a[-1 - last] == b[-1 - last]:
        last += 1
    middle = _myers(a[first : len(a) - last], b[first : len(b) - last])
    runs = [(0, 0, first), *((i + first, j + first, n) for i, j, n in middle), (len(a) - last, len(b) - last, last)]
    return [run for run in runs if run[2]]


def _myers(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Run]:
    """The furthest that each number of edits leads to, diagonal by diagonal; then the way back. Nothing is shared where
    it takes too many."""
    n, m = len(a), len(b)
    reached = {1: 0}
    kept: list[dict[int, int]] = []
    for edits in range(min(n + m, _MOST_EDITS) + 1):
        kept.append(dict(reached))
        for k in range(-(edits - 2 * max(0, edits - m)), edits - 2 * max(0, edits - n) + 1, 2):
            down, right = reached.get(k + 1, -1), reached.get(k - 1, -1)
            x = down if right < down else right + 1
            while x < n and x - k < m and a[x] == b[x - k]:
                x += 1
            reached[k] = x
            if x == n and x - k == m:
                return _way_back(kept, n, m)
    return []


def _way_back(kept: Sequence[dict[int, int]], x: int, y: int) -> list[Run]:
    runs: list[Run] = []
    for reached in reversed(kept):
        k = x - y
        down, right = reached.get(k + 1, -1), reached.get(k - 1, -1)
        begin = down if right < down else right + 1
        if x > begin:
            runs.append((begin, begin - k, x - begin))
        x = down if right < down else right
        y = x - (k + 1 if right < down else k - 1)
    return runs[::-1]


def _joined(runs: Sequence[Run], old: int, new: int, words: Sequence[str]) -> list[Run]:
    """Without the stretches of a few letters between two changes: these are easier to read as one."""
    return [
        run for run in runs
        if sum(len(word.strip()) for word in words[run[0] : run[0] + run[2]] if word.lstrip().isalnum()) >= _FEW
        or run[:2] == (0, 0)
        or (run[0] + run[2], run[1] + run[2]) == (old, new)
    ]  # fmt: skip


def _parts(words: Sequence[str], kept: Sequence[tuple[int, int]]) -> list[Part]:
    """Words as parts of a line; those of `kept`, as (begin, length), are not changed."""
    parts, end = [], 0
    for begin, length in (*kept, (len(words), 0)):
        parts += [Part("".join(words[end:begin]), changed=True), Part("".join(words[begin : begin + length]))]
        end = begin + length
    return [part for part in parts if part.text]
