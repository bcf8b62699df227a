"""No answer of two workers that keep answers is ever behind what was written, by whom and however it was written."""

import os
from pathlib import Path

import pytest

from tests.hunting import OTHERS, hunting

ROUNDS = 16


@pytest.mark.django_db
def test_no_kept_answer_is_behind(tmp_path: Path) -> None:
    """`make hunt` does the same for as long as one likes."""
    with hunting(f"hunted_{os.getpid()}", tmp_path) as hunt:
        for _ in range(ROUNDS):
            hunt.round()
        for kind in sorted(OTHERS - {word.removeprefix("write ") for word in hunt.done}):
            hunt.write(kind)  # each kind at least once
            hunt.round()
    assert hunt.stale == []
    assert hunt.done["answers"] >= 12 * ROUNDS
