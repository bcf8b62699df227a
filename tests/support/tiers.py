"""Tiers of the suite: which cases of a long table the default tier runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[object], every: int = 6) -> list[Any]:
    """Return the cases for `parametrize`: every sixth in the default tier, the others in the tier `exhaustive`."""
    return [
        case if number % every == 0 else pytest.param(case, marks=pytest.mark.exhaustive)
        for number, case in enumerate(cases)
    ]
