"""Tiers of the suite: which cases of a long table the default tier runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[object], every: int = 6) -> list[Any]:
    """Return the cases for `parametrize`: one of `every` in the default tier, the others in the tier `exhaustive`.

    A plain tuple is the values of several names.
    """
    values = [case if type(case) is tuple else (case,) for case in cases]
    return [
        pytest.param(*case, marks=() if number % every == 0 else pytest.mark.exhaustive)
        for number, case in enumerate(values)
    ]
