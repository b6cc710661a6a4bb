"""Answers kept for later: identical requests, requests that mean the same, calls under way, and parts of answers.

`Caches` is what the pipeline uses. Importing this loads neither numpy nor Redis.
"""

from pilothouse.cache.answers import Answer, replay
from pilothouse.cache.caches import CacheCounts, Caches
from pilothouse.cache.calibration import Calibration, Pair, calibrate
from pilothouse.cache.fragments import Fragment, FragmentCounts, Fragments
from pilothouse.cache.lookup import Lookup
from pilothouse.cache.prefix import CachedShare, PrefixUse, Variation, prefixed
from pilothouse.cache.shadow import ShadowReport
from pilothouse.cache.stores import Store, StoreStats, open_cache_store

__all__ = [
    "Answer", "CacheCounts", "CachedShare", "Caches", "Calibration", "Fragment", "FragmentCounts", "Fragments",
    "Lookup", "Pair", "PrefixUse", "ShadowReport", "Store", "StoreStats", "Variation", "calibrate", "open_cache_store",
    "prefixed", "replay",
]  # fmt: skip
