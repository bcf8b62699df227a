"""Bar of the classes of pollution and carbon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilots.metrics.reduction import CoControl


def class_parts(kinds: Mapping[CoControl, int]) -> list[dict[str, Any]]:
    """Return the classes that have pilots, with their places on a bar in percent."""
    parts: list[dict[str, Any]] = []
    begin, judged = 0, sum(kinds.values())
    for kind, n in kinds.items():
        if n:
            place = {
                "x": percent(begin, judged),
                "width": percent(n, judged),
                "middle": percent(2 * begin + n, 2 * judged),
            }
            parts.append({"kind": kind, "n": n, "wide": n * 25 >= judged, **place})
        begin += n
    return parts


def percent(n: float, whole: float) -> str:
    return f"{100 * n / whole:.2f}%"
