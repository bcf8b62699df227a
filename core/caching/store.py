"""Fail-safe access to the cache of CACHE_URL, which workers and machines share: files, or Redis.

A cache that fails costs time, never an error: its values are computed again, and it is not asked for a while, so that a
silent server delays no request.
"""

import logging
from collections.abc import Callable
from time import monotonic

from django.core.cache import cache

TIMEOUT = 24 * 3600  # seconds that a value is stored
PAUSE_AFTER_FAILURE = 30  # seconds for which a cache that failed is not asked
PAUSED = {"until": 0.0}

logger = logging.getLogger("tracker.cache")


def load(key: str) -> object:
    """Return the stored value; None where there is none, or the cache fails."""
    return call_cache(lambda: cache.get(key))


def save(key: str, value: object) -> None:
    """Store a value, unless the cache fails."""
    call_cache(lambda: cache.set(key, value, TIMEOUT))


def call_cache(work: Callable[[], object]) -> object:
    if monotonic() < PAUSED["until"]:
        return None
    try:
        return work()
    except Exception as exc:  # any error of a cache, its client or its disk
        PAUSED["until"] = monotonic() + PAUSE_AFTER_FAILURE
        logger.warning(
            "the store of answers failed and is left alone for %d s: %s", PAUSE_AFTER_FAILURE, type(exc).__name__
        )
        return None
