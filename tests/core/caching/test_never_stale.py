"""The responses of two caching workers are never stale, whatever writes."""

import os
from pathlib import Path

import pytest

from tests.core.caching.stale_cache_hunt import PROCESS_WRITES, stale_cache_hunt

pytestmark = pytest.mark.process

ROUNDS = 16


@pytest.mark.django_db
def test_no_cached_response_is_behind(tmp_path: Path) -> None:
    """`make cache-test` does the same for as long as one likes."""
    with stale_cache_hunt(f"hunted_{os.getpid()}", tmp_path) as hunt:
        for _ in range(ROUNDS):
            hunt.round()
        for kind in sorted(PROCESS_WRITES - {word.removeprefix("write ") for word in hunt.done}):
            hunt.write(kind)  # each kind at least once
            hunt.round()
    assert hunt.stale == []
    assert hunt.done["answers"] >= 12 * ROUNDS
