"""Settings of the servers that are measured: the project's, without rate limits; and without the response cache where
BENCH_UNCACHED is set.
"""

import os

from config.settings import *  # noqa: F403

RATE_LIMITS: dict[str, tuple[int, int]] = {}
CACHE_RESPONSES = "BENCH_UNCACHED" not in os.environ
