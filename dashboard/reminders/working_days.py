"""The days off and make-up working days that ship with the product, from the State Council's notices.

2025: 国务院办公厅关于2025年部分节假日安排的通知, 12 November 2024. 2026: the same for 2026, 4 November 2025.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS

from dashboard.models import WorkingDay

SHIPPED = Path(__file__).with_name("working_days.csv")


def load_shipped_days(using: str = DEFAULT_DB_ALIAS, **_kwargs: object) -> int:
    """Add the shipped days of years without any on record, and return how many. Runs after each `migrate`.

    A year that has days already is left as its editors made it.
    """
    if using != DEFAULT_DB_ALIAS:  # migrations of background jobs
        return 0
    with SHIPPED.open(encoding="utf-8") as file:
        rows = [WorkingDay(**{**row, "day": date.fromisoformat(row["day"])}) for row in csv.DictReader(file)]
    known = {
        day.year for day in WorkingDay.objects.filter(day__year__in={r.day.year for r in rows}).dates("day", "year")
    }
    new = [row for row in rows if row.day.year not in known]
    WorkingDay.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
