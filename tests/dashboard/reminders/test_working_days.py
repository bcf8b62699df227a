"""Working days: the years that ship, make-up working days, and years that nobody has entered."""

from datetime import date, timedelta

import pytest

from dashboard.models import DayKind, WorkingCalendar, WorkingDay, load_shipped_days

pytestmark = pytest.mark.django_db


def test_the_notices_of_2025_and_2026_ship() -> None:
    """Weekdays off and weekend days worked, as the notices of the State Council list them."""
    calendar = WorkingCalendar()
    every = [date(2025, 1, 1) + timedelta(n) for n in range(730)]
    worked = [day for day in every if day.weekday() > 4 and calendar.is_working(day)]
    off = [day for day in every if day.weekday() < 5 and not calendar.is_working(day)]
    assert [f"{day:%y-%m-%d}" for day in worked] == [
        *("25-01-26", "25-02-08", "25-04-27", "25-09-28", "25-10-11"),
        *("26-01-04", "26-02-14", "26-02-28", "26-05-09", "26-09-20", "26-10-10"),
    ]
    assert [f"{day:%y-%m-%d}" for day in off] == [
        *("25-01-01", "25-01-28", "25-01-29", "25-01-30", "25-01-31", "25-02-03", "25-02-04", "25-04-04"),
        *("25-05-01", "25-05-02", "25-05-05", "25-06-02", "25-10-01", "25-10-02", "25-10-03", "25-10-06"),
        *("25-10-07", "25-10-08", "26-01-01", "26-01-02", "26-02-16", "26-02-17", "26-02-18", "26-02-19"),
        *("26-02-20", "26-02-23", "26-04-06", "26-05-01", "26-05-04", "26-05-05", "26-06-19", "26-09-25"),
        *("26-10-01", "26-10-02", "26-10-05", "26-10-06", "26-10-07"),
    ]
    assert calendar.known_years == {2025, 2026}


def test_working_days_are_counted_over_a_holiday_with_make_up_days() -> None:
    """From Thursday 24 September 2026: Friday is Mid-Autumn; from 30 September the next one is 8 October, then a
    worked Saturday."""
    calendar = WorkingCalendar()
    assert calendar.add(date(2026, 9, 24), 1) == date(2026, 9, 28)
    assert [calendar.add(date(2026, 9, 30), n) for n in (1, 2, 3, 4)] == [
        *(date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10), date(2026, 10, 12))
    ]


def test_in_a_year_that_nobody_entered_monday_to_friday_count() -> None:
    calendar = WorkingCalendar()
    assert [calendar.is_working(date(2031, 1, day)) for day in (1, 3, 4, 5, 6)] == [True, True, False, False, True]
    assert 2031 not in calendar.known_years


def test_a_year_that_an_editor_entered_is_left_alone() -> None:
    WorkingDay.objects.all().delete()
    WorkingDay.objects.create(day=date(2026, 3, 3), kind=DayKind.HOLIDAY)
    assert load_shipped_days() == 33  # those of 2025
    assert load_shipped_days() == 0
    assert WorkingDay.objects.filter(day__year=2026).count() == 1
