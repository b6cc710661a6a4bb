"""Histograms that can be added up, taken apart again, and packed into a few bytes.

A value falls into the bucket `floor(8 * log2(value))`, so a percentile is right within 4.4 %, from microseconds to
years. Zero has a bucket of its own. Buckets of width 0.01 (`linear`) are for scores. Packed: pairs of (bucket: int16,
count: int64), little-endian and without order, so that the histograms of many rows can be joined and read at once.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

__all__ = [
    "ZERO", "bucket", "fraction_below", "linear", "merge", "pack", "percentile", "percentiles", "percentiles_of_each",
    "unpack", "value_of",
]  # fmt: skip

ZERO = -32768
"""The bucket of zero."""

_PER_DOUBLING = 8
_PAIR = struct.Struct("<hq")
_PAIRS = np.dtype([("bucket", "<i2"), ("count", "<i8")])
_WIDEST = 32767


def bucket(value: float) -> int:
    """The bucket of a value that is not negative; below zero counts as zero."""
    if value <= 0:
        return ZERO
    return math.floor(math.log2(value) * _PER_DOUBLING)


def linear(value: float) -> int:
    """The bucket of a score: hundredths, between -327.68 and 327.67."""
    return max(-_WIDEST - 1, min(_WIDEST, math.floor(value * 100 + 1e-9)))


def value_of(place: float) -> float:
    """The middle of a bucket, on the logarithmic scale."""
    return 0.0 if place == ZERO else float(2 ** ((place + 0.5) / _PER_DOUBLING))


def pack(counts: Mapping[int, int]) -> bytes:
    """As bytes; empty buckets are left out."""
    return b"".join(_PAIR.pack(place, count) for place, count in counts.items() if count)


def unpack(packed: bytes) -> dict[int, int]:
    """What `pack` was given."""
    return dict(_PAIR.iter_unpack(packed))


def merge(packed: Iterable[bytes]) -> dict[int, int]:
    """The sum of many packed histograms."""
    pairs = np.frombuffer(b"".join(packed), _PAIRS)
    if not len(pairs):
        return {}
    places, where = np.unique(pairs["bucket"], return_inverse=True)
    sums = np.zeros(len(places), np.int64)
    np.add.at(sums, where, pairs["count"])
    return {int(place): int(count) for place, count in zip(places, sums, strict=True) if count > 0}


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The value below which `share` (0 to 1) of the counted ones lie; None where nothing was counted."""
    return percentiles(counts, (share,))[0]


def percentiles(counts: Mapping[int, int], shares: Iterable[float]) -> list[float | None]:
    """Several at once, in the order of `shares`."""
    ordered, total = sorted(counts.items()), sum(counts.values())
    return [_at(ordered, share * total) if total else None for share in shares]


def percentiles_of_each(groups: Sequence[Iterable[bytes]], shares: Sequence[float]) -> list[list[float | None]]:
    """The percentiles of many merged histograms at once: for each group of packed ones, those in the order of `shares`.

    The same as `percentiles(merge(group), shares)` for each, in a twentieth of the time for hundreds of them.
    """
    joined = [b"".join(group) for group in groups]
    pairs = np.frombuffer(b"".join(joined), _PAIRS)
    owner = np.repeat(np.arange(len(joined)), [len(packed) // _PAIR.size for packed in joined])
    keys, where = np.unique(owner * 65_536 + pairs["bucket"] - ZERO, return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, where, pairs["count"])
    keys, counts = keys[counts > 0], counts[counts > 0]
    ends = np.searchsorted(keys, (np.arange(len(joined)) + 1) * 65_536)
    passed = np.concatenate(([0], np.cumsum(counts)))
    begins = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    told: list[list[float | None]] = [[None] * len(shares) for _ in joined]
    filled = np.flatnonzero(ends > begins)
    if not len(filled):
        return told
    first, last = begins[filled], ends[filled] - 1
    for column, share in enumerate(shares):
        rank = share * (passed[last + 1] - passed[first])
        at = np.clip(np.searchsorted(passed[1:], passed[first] + rank), first, last)
        within = (rank - (passed[at] - passed[first])) / counts[at]
        places = keys[at] % 65_536 + ZERO
        values = np.where(places == ZERO, 0.0, 2.0 ** ((places + within) / _PER_DOUBLING))
        for group, value in zip(filled.tolist(), values.tolist(), strict=True):
            told[group][column] = value
    return told


def fraction_below(counts: Mapping[int, int], limit: int) -> float | None:
    """The share of the counted ones in buckets below `limit`; None where nothing was counted."""
    total = sum(counts.values())
    return sum(count for place, count in counts.items() if place < limit) / total if total else None


def _at(ordered: list[tuple[int, int]], rank: float) -> float:
    """Within a bucket, values are taken to be spread evenly on the logarithmic scale."""
    passed = 0
    for place, count in ordered:
        if passed + count >= rank:
            if place == ZERO:
                return 0.0
            return float(2 ** ((place + (rank - passed) / count) / _PER_DOUBLING))
        passed += count
    return value_of(ordered[-1][0])
