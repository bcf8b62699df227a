"""Milestones and follow-ups as events of a calendar and as entries of a feed. No person is named in either."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpResponse
from django.utils.translation import gettext as _

from core.api.viewsets import annotate_revision
from core.feeds import (
    CANCELLED_DAYS,
    MAX_EVENTS,
    NEVER_CHANGED,
    Entry,
    Event,
    calendar_response,
    paged_atom_response,
)
from core.http.request import TrackerRequest
from core.pages import Feeds
from core.text.formatting import format_date, join_clauses, label_value
from pilots.analytics.pilot_status import judge_milestone
from pilots.metrics.follow_up_states import FollowUpState
from pilots.models import FollowUp, FollowUpStep, Milestone, Replan

DONE = "✓ "  # in front of the title of what is done

# -- milestones --------------------------------------------------------------------------------------------


def milestone_feeds(title: str, pilots: Callable[[], Sequence[int]], as_of: date) -> Feeds:
    """Return calendar and feed of the milestones of pilots, given by their keys.

    Those of a withdrawn pilot are cancelled for a while.
    """

    def atom(request: TrackerRequest) -> HttpResponse:
        rows = milestone_rows(pilots(), as_of).order_by("-changed_at", "-pk")
        return paged_atom_response(request, title, rows, partial(milestone_entry, as_of=as_of))

    return {
        "ics": lambda request: calendar_response(request, title, milestone_events(pilots(), as_of)),
        "atom": atom,
    }


def milestone_rows(pilots: Sequence[int], as_of: date) -> QuerySet[Any]:
    """Return the milestones with `revision` and `changed_at`; not of pilots that were withdrawn long ago."""
    rows = Milestone.objects.filter(pilot__in=pilots).select_related("pilot")
    rows = rows.exclude(pilot__withdrawn_on__lte=as_of - timedelta(CANCELLED_DAYS))
    changed = Greatest(last_change(Milestone, "id"), last_change(Replan, "milestone_id"))
    found: QuerySet[Any] = annotate_revision(rows.with_planned_day(as_of)).annotate(changed_at=changed)
    return found.prefetch_related("replans")


def last_change(model: Any, field: str) -> Any:
    """Return a subquery of the time of the newest history entry that names the outer record in a field."""
    newest = model.history.filter(**{field: OuterRef("pk")}).order_by().values(field).annotate(at=Max("history_date"))
    return Coalesce(Subquery(newest.values("at")), Value(NEVER_CHANGED))


def milestone_events(pilots: Sequence[int], as_of: date) -> Iterator[Event]:
    for item in milestone_rows(pilots, as_of).order_by("planned_then", "pk")[: MAX_EVENTS + 1]:
        done = judge_milestone(item, as_of).done
        yield Event(
            key=f"milestone-{item.pk}",
            day=item.planned_then,
            title=(DONE if done else "") + milestone_title(item),
            url=milestone_url(item),
            changed_at=item.changed_at,
            revision=item.revision,
            lines=milestone_lines(item, as_of),
            cancelled=item.pilot.withdrawn_by(as_of) and not done,
        )


def milestone_entry(item: Any, *, as_of: date) -> Entry:
    return Entry(
        key=f"milestone-{item.pk}",
        title=milestone_title(item),
        url=milestone_url(item),
        changed_at=item.changed_at,
        lines=[label_value(_("Planned"), format_date(item.planned_then)), *milestone_lines(item, as_of)],
    )


def milestone_title(item: Milestone) -> str:
    return label_value(item.pilot.name, item.name)


def milestone_url(item: Milestone) -> str:
    return f"{item.pilot.get_absolute_url()}#milestone-{item.pk}"


def milestone_lines(item: Milestone, as_of: date) -> list[str]:
    """Return state, responsible office and list of the plan."""
    status = judge_milestone(item, as_of)
    if status.done and item.completed_on:
        state = label_value(_("Done"), format_date(item.completed_on))
    elif item.pilot.withdrawn_by(as_of):
        state = _("The pilot was withdrawn.")
    else:
        state = label_value(_("Days late"), str(status.delay)) if (status.delay or 0) > 0 else ""
    owner = label_value(_("Responsible"), item.owner) if item.owner else ""
    return [state, owner, label_value(_("Facet"), item.get_facet_display())]


# -- follow-ups ------------------------------------------------------------------------------------------


def follow_up_feeds(title: str, rows: Callable[[], QuerySet[FollowUp]], as_of: date) -> Feeds:
    """Return calendar and feed of follow-ups `with_state`; a withdrawn one is cancelled for a while."""
    gone = Q(state=FollowUpState.WITHDRAWN, last_step_on__lte=as_of - timedelta(CANCELLED_DAYS))

    def atom(request: TrackerRequest) -> HttpResponse:
        found = list(rows().exclude(gone))
        changes = changes_of_follow_ups(found)
        dated = [(item, changes[item.pk][1]) for item in found]
        dated.sort(key=lambda row: (row[1], row[0].pk), reverse=True)
        return paged_atom_response(request, title, dated, follow_up_entry)

    def calendar(request: TrackerRequest) -> HttpResponse:
        return calendar_response(request, title, follow_up_events(rows().exclude(gone)[: MAX_EVENTS + 1]))

    return {"ics": calendar, "atom": atom}


def changes_of_follow_ups(listed: Iterable[FollowUp]) -> dict[int, tuple[int, datetime]]:
    """Return revision and time of the last change of follow-ups by key, their steps included. One query."""
    rows = annotate_revision(FollowUp.objects.filter(pk__in=[item.pk for item in listed]))
    found = rows.annotate(changed_at=Greatest(last_change(FollowUp, "id"), last_change(FollowUpStep, "follow_up_id")))
    return {key: (revision, at) for key, revision, at in found.values_list("pk", F("revision"), "changed_at")}


def follow_up_events(rows: Iterable[FollowUp]) -> Iterator[Event]:
    listed = list(rows)
    changes = changes_of_follow_ups(listed)
    for item in listed:
        revision, changed_at = changes[item.pk]
        yield Event(
            key=f"follow-up-{item.pk}",
            day=item.current_due_on,
            title=(DONE if item.state == FollowUpState.CLOSED else "") + follow_up_title(item),
            url=item.get_absolute_url(),
            changed_at=changed_at,
            revision=revision,
            lines=follow_up_lines(item),
            cancelled=item.state == FollowUpState.WITHDRAWN,
        )


def follow_up_entry(row: tuple[FollowUp, datetime]) -> Entry:
    item, changed_at = row
    return Entry(
        key=f"follow-up-{item.pk}",
        title=follow_up_title(item),
        url=item.get_absolute_url(),
        changed_at=changed_at,
        lines=[label_value(_("Due"), format_date(item.current_due_on)), *follow_up_lines(item)],
    )


def follow_up_title(item: FollowUp) -> str:
    return f"{item.number} {item.name}"


def follow_up_lines(item: FollowUp) -> list[str]:
    """Return state, subject and responsible agency."""
    late = [label_value(_("Days late"), str(item.days_late))] if item.is_overdue else []
    subject: Any = item.subject
    return [
        join_clauses([label_value(_("State"), str(item.current_state.label)), *late]),
        label_value(_("Subject"), str(getattr(subject, "name", subject))),
        label_value(_("Responsible"), item.owner_agency.name),
    ]
