"""Milestones and follow-ups as events of a calendar. It names no person."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpResponse
from django.utils.translation import gettext as _

from core.api.viewsets import annotate_revision
from core.calendars import CANCELLED_DAYS, MAX_EVENTS, NEVER_CHANGED, Event, calendar_response
from core.http import TrackerRequest
from core.pages import CalendarWriter
from core.text import format_date, join_clauses, label_value
from pilots.lights import Light, LightReason, Records, milestone_light
from pilots.metrics import FollowUpState
from pilots.models import Amendment, Completion, FollowUp, FollowUpStep, Milestone, StageEntry
from pilots.models.planned import planned_day

DONE = "✓ "  # in front of the title of what is done

# -- milestones --------------------------------------------------------------------------------------------


def milestone_calendar(title: str, pilots: Callable[[], Sequence[int]], as_of: date) -> CalendarWriter:
    """Return the calendar of the milestones of pilots, given by their keys.

    Those of a withdrawn pilot are cancelled for a while.
    """

    def calendar(request: TrackerRequest) -> HttpResponse:
        return calendar_response(request, title, milestone_events(pilots(), as_of))

    return calendar


def milestone_events(pilots: Sequence[int], as_of: date) -> Iterator[Event]:
    """Yield the milestones of pilots that are promised by the day, but for those that were dropped, and those whose
    pilot was withdrawn, long ago.
    """
    rows = Milestone.objects.filter(pilot__in=pilots, promised_on__lte=as_of).select_related("pilot__batch")
    rows = rows.exclude(pilot__withdrawn_on__lte=as_of - timedelta(CANCELLED_DAYS))
    changes = (last_change(Milestone, "id"), last_change(Amendment, "milestone_id"))
    changed = Greatest(*changes, last_change(Completion, "milestone_id"))
    dated: Any = annotate_revision(rows.annotate(planned_then=planned_day(as_of), changed_at=changed))
    listed = list(dated.order_by("planned_then", "pk")[: MAX_EVENTS + 1])
    records = promised_records(listed)
    for item in listed:
        light = milestone_light(records[item.pilot_id], item, as_of)
        gone = light.since if light.why == LightReason.DROPPED else None
        if gone is None or gone > as_of - timedelta(CANCELLED_DAYS):
            yield milestone_event(item, light, as_of)


def promised_records(milestones: Sequence[Any]) -> Mapping[int, Records]:
    """Return the rows by which these milestones are judged, by pilot. Three queries."""
    pilots = {item.pilot_id: item.pilot for item in milestones}
    keys = [item.pk for item in milestones]
    completions = group_rows(Completion.objects.filter(milestone__in=keys).order_by("entered_on", "pk"))
    amendments = group_rows(Amendment.objects.filter(milestone__in=keys).order_by("pk"))
    stages = group_rows(StageEntry.objects.filter(pilot__in=pilots).order_by("entered_on", "pk"))
    return {
        key: Records(pilot, stages=stages[key], completions=completions[key], amendments=amendments[key])
        for key, pilot in pilots.items()
    }


def group_rows(rows: Iterable[Any]) -> Mapping[int, list[Any]]:
    grouped = defaultdict[int, list[Any]](list)
    for row in rows:
        grouped[row.pilot_id].append(row)
    return grouped


def last_change(model: Any, field: str) -> Any:
    """Return a subquery of the time of the newest history entry that names the outer record in a field."""
    newest = model.history.filter(**{field: OuterRef("pk")}).order_by().values(field).annotate(at=Max("history_date"))
    return Coalesce(Subquery(newest.values("at")), Value(NEVER_CHANGED))


def milestone_event(item: Any, light: Light, as_of: date) -> Event:
    """Return a milestone with its state, responsible office and list of the plan."""
    withdrawn = item.pilot.withdrawn_by(as_of)
    if light.completed_on:
        state = label_value(_("Done"), format_date(light.completed_on))
    elif not light.in_force:
        state = light.sentence
    elif withdrawn:
        state = _("The pilot was withdrawn.")
    else:
        state = label_value(_("Days late"), str(light.delay)) if (light.delay or 0) > 0 else ""
    return Event(
        key=f"milestone-{item.pk}",
        day=item.planned_then,
        title=(DONE if light.done else "") + label_value(item.pilot.name, item.name),
        url=f"{item.pilot.get_absolute_url()}{item.anchor}",
        changed_at=item.changed_at,
        revision=item.revision,
        lines=[
            state,
            label_value(_("Responsible"), item.owner) if item.owner else "",
            label_value(_("Facet"), item.get_facet_display()),
        ],
        cancelled=not light.done and (withdrawn or not light.in_force),
    )


# -- follow-ups ------------------------------------------------------------------------------------------


def follow_up_calendar(title: str, rows: Callable[[], QuerySet[FollowUp]], as_of: date) -> CalendarWriter:
    """Return the calendar of follow-ups `with_state`; a withdrawn one is cancelled for a while."""
    gone = Q(state=FollowUpState.WITHDRAWN, last_step_on__lte=as_of - timedelta(CANCELLED_DAYS))

    def calendar(request: TrackerRequest) -> HttpResponse:
        return calendar_response(request, title, follow_up_events(rows().exclude(gone)[: MAX_EVENTS + 1]))

    return calendar


def follow_up_events(rows: Iterable[FollowUp]) -> Iterator[Event]:
    """Yield follow-ups with state, subject and responsible agency, as `milestone_event` does. One query besides them
    for the revisions and the times of the last changes, their steps included.
    """
    listed = list(rows)
    changed = Greatest(last_change(FollowUp, "id"), last_change(FollowUpStep, "follow_up_id"))
    versions = annotate_revision(FollowUp.objects.filter(pk__in=[item.pk for item in listed]))
    found = versions.annotate(changed_at=changed).values_list("pk", F("revision"), "changed_at")
    changes = {key: (revision, at) for key, revision, at in found}
    for item in listed:
        revision, changed_at = changes[item.pk]
        late = [label_value(_("Days late"), str(item.days_late))] if item.is_overdue else []
        subject: Any = item.subject
        yield Event(
            key=f"follow-up-{item.pk}",
            day=item.current_due_on,
            title=f"{DONE if item.state == FollowUpState.CLOSED else ''}{item.number} {item.name}",
            url=item.get_absolute_url(),
            changed_at=changed_at,
            revision=revision,
            lines=[
                join_clauses([label_value(_("State"), str(item.current_state.label)), *late]),
                label_value(_("Subject"), str(getattr(subject, "name", subject))),
                label_value(_("Responsible"), item.owner_agency.name),
            ],
            cancelled=item.state == FollowUpState.WITHDRAWN,
        )
