"""The longest common subsequence, many cells at a time in the bits of Python's integers. Knows nothing of texts.

One column of the usual table is one integer with a bit a row, by the recurrence of Hyyrö (2004, "Bit-parallel
LCS-length computation revisited"): a bit is 0 where the length grows from the row above.
"""

from collections.abc import Hashable, Sequence, Set

__all__ = ["MOST_CELLS", "MOST_CELLS_KEPT", "length", "positions"]

MOST_CELLS = 40_000_000_000
"""The product of two lengths that is still computed, in about 10 s."""
MOST_CELLS_KEPT = 1_000_000_000
"""The product of two lengths for which `positions` keeps its table, in 125 MB."""
_BLOCK = 1 << 14  # rows at a time, so that the masks of many different items stay small
_FEW = 1 << 20  # cells; what comes before the table costs more than it saves below


def length(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The length of the longest sequence that is in both, in order, gaps allowed.

    Raises ValueError where what is left of both, without equal starts and ends and items that one of them lacks, has
    more than MOST_CELLS pairs.
    """
    last = min(len(one), len(other))
    start = next((at for at in range(last) if one[at] != other[at]), last)
    end = next((at for at in range(last - start) if one[-1 - at] != other[-1 - at]), last - start)
    rows, columns = one[start : len(one) - end], other[start : len(other) - end]
    if len(rows) < len(columns):
        rows, columns = columns, rows
    if len(rows) * len(columns) > _FEW:
        both = set(rows) & set(columns)
        rows, columns = [item for item in rows if item in both], [item for item in columns if item in both]
        _bounded(len(rows), len(columns), MOST_CELLS)
    if len(rows) > _BLOCK:
        return start + end + _by_blocks(rows, columns)
    masks, full = _masks(rows)
    column, find = full, masks.get
    for item in columns:
        if (mask := find(item)) is not None and (hit := column & mask):
            column = (column + hit) | (column - hit)
    return start + end + len(rows) - (column & full).bit_count()


def _by_blocks(rows: Sequence[Hashable], columns: Sequence[Hashable]) -> int:
    """The same, some rows at a time: what an addition carries out of a block goes into the next, column by column."""
    found, carried = 0, bytearray(len(columns))
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        masks, full = _masks(block)
        column, width = full, len(block)
        for place, item in enumerate(columns):
            hit = column & masks.get(item, 0)
            total = column + hit + carried[place]
            carried[place] = total >> width
            column = (total | (column - hit)) & full
        found += width - column.bit_count()
    return found


def positions(rows: Sequence[Hashable], columns: Sequence[Hashable]) -> list[int]:
    """Where in `rows` one longest common subsequence lies, the last places first.

    Of several it is the one that rouge-score reads out of its table: backwards, equal items first, then up the rows
    where that loses nothing. Raises ValueError where the product of the lengths is beyond MOST_CELLS_KEPT.
    """
    _bounded(len(rows), len(columns), MOST_CELLS_KEPT)
    masks, full = _masks(rows, set(columns))
    kept, column = [], full
    for item in columns:
        if hit := column & masks.get(item, 0):
            column = ((column + hit) | (column - hit)) & full
        kept.append(column)
    found = []
    row, place = len(rows) - 1, len(columns) - 1
    while row >= 0 and place >= 0:
        if rows[row] == columns[place]:
            found.append(row)
            row -= 1
            place -= 1
        elif kept[place] >> row & 1:
            row -= 1
        else:
            place -= 1
    return found


def _masks(rows: Sequence[Hashable], wanted: Set[Hashable] | None = None) -> tuple[dict[Hashable, int], int]:
    """For each item the rows that it is in, as bits, and all rows."""
    masks: dict[Hashable, int] = {}
    find, bit = masks.get, 1
    for item in rows:
        if wanted is None or item in wanted:
            masks[item] = find(item, 0) | bit
        bit <<= 1
    return masks, bit - 1


def _bounded(rows: int, columns: int, most: int) -> None:
    if rows * columns > most:
        raise ValueError(
            f"texts of {rows:,} and {columns:,} tokens are too long for a longest common subsequence: "
            f"the product may be {most:,}; compare them in parts"
        )
