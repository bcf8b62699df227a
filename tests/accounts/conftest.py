"""Every test of accounts counts its limits anew."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_counts() -> None:
    """Empty the cache in which allauth keeps its limits."""
    cache.clear()
