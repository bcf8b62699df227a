"""Days of the histories of the demonstration: records of the programme on its first day, what happened on its own day.

Some values are entered late, and two provincial plans are found on record as issued only after the first edition: what
a past quarter was said to be differs from what is known of it today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Model, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_noop

from core.history.models import ChangeEvent
from core.history.recording import batched, write_history_entries
from core.snapshots.build import record_models
from pilots.demo.texts import names
from pilots.demo.users import demo_reporter
from pilots.models import Adoption, FollowUp, FollowUpStep, LightOverride, Practice, Reading, StageEntry
from policies.models import Policy, ProvincialPlan

EVENT_FIELDS: Mapping[type[Model], Sequence[str]] = {
    Policy: ("issued_on",),
    ProvincialPlan: ("issued_on", "known_issued_by"),
    StageEntry: ("entered_on",),
    Reading: ("reported_on", "accepted_on"),
    LightOverride: ("set_on",),
    FollowUp: ("opened_on",),
    FollowUpStep: ("taken_on",),
    Practice: ("proposed_on", "passed_on", "library_on", "recommended_on", "retired_on"),
    Adoption: ("planned_on", "started_on", "in_use_on", "given_up_on", "confirmed_on"),
}
"""Days on which something happened to a record; it is entered soon after the last of them."""
ENTRY_DAYS, LATE_DAYS = 2, 45
LATE_EVERY = 9  # one value of so many is entered late
FOUND_LATE = 2  # provincial plans
FOUND_REASON = gettext_noop("Found later on the website of the province: it had been issued on that day")


def date_histories(as_of: date, found_on: date) -> None:
    """Give the history entries of a loaded demonstration the days on which they would have been written.

    Those of later days lose the reason that a load gives: then they are no load, but what happened to a record.
    `found_on` is the day on which two provincial plans are corrected to be issued: plans issued long before.
    """
    first = moment_of(names.LISTED_ON)
    for model in record_models():
        model.history.update(history_date=first)
        for day, keys in entries_by_day(model, as_of).items():
            for some in batched(keys):
                model.history.filter(pk__in=some).update(history_date=moment_of(day), history_change_reason=None)
    find_plans_late(found_on)
    for model in record_models():
        follow_history(model)


def follow_history(model: Any) -> None:
    """Let the changes of a model say the same as its entries of when they were written, and why."""
    entry = model.history.filter(pk=OuterRef("entry_id"))
    reason = Coalesce(Subquery(entry.values("history_change_reason")), Value(""))
    changes = ChangeEvent.objects.filter(model=model._meta.label_lower)
    changes.update(at=Subquery(entry.values("history_date")), reason=reason)


def moment_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(10)))


def entries_by_day(model: Any, as_of: date) -> dict[date, list[int]]:
    """Return the keys of a model's entries by the day on which each is written, without those of the first day."""
    found: dict[date, list[int]] = defaultdict(list)
    for key, *days in model.history.order_by().values_list("pk", *EVENT_FIELDS.get(model, ())):
        last = max((day for day in days if day), default=names.LISTED_ON)
        late = model is Reading and key % LATE_EVERY == 0
        if last >= names.LISTED_ON and days:
            found[min(as_of, last + timedelta(LATE_DAYS if late else ENTRY_DAYS))].append(key)
    return found


def find_plans_late(found_on: date) -> None:
    """Let two plans be on record as being drafted until a day, and be corrected then."""
    for plan in plans_found_late(found_on):
        drafted = {"status": "drafting", "issued_on": None, "issued_precision": "", "known_issued_by": None}
        drafted |= {"issuing_bodies_count": None, "history_change_reason": None}
        history: Any = ProvincialPlan.history
        history.filter(id=plan.pk).update(**drafted, history_date=moment_of(names.LISTED_ON))
        (entry,) = write_history_entries([plan], "~", by=demo_reporter(), reason=FOUND_REASON)
        history.filter(pk=entry).update(history_date=moment_of(found_on))


def plans_found_late(found_on: date) -> Iterator[ProvincialPlan]:
    """Yield the last plans that were issued to the day half a year before that day."""
    issued = ProvincialPlan.objects.filter(
        policy__slug=names.LEAD_POLICY,
        status="issued",
        issued_precision="day",
        issued_on__lt=found_on - timedelta(180),
    )
    yield from issued.order_by("-issued_on", "pk")[:FOUND_LATE]
