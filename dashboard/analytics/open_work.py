"""Open work on a day: what waits for each user. The page "My work" and the mail of reminders show these same lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import CharField, Count, Exists, F, FilteredRelation, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.text import format_date
from dashboard.models import WorkingCalendar
from pilots.amendments import terms_text
from pilots.analytics.progress import BY_BATCH, WORST_FIRST, Progress
from pilots.charts.cells import shared_names
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.follow_ups.services import waiting_for
from pilots.follow_ups.tables import RELATED
from pilots.lights import DUE_SOON_DAYS, NOT_IN_FORCE, NOT_REPORTED, Colour, LightReason
from pilots.metrics import FollowUpState, Move, year_due
from pilots.models import (
    Amendment,
    Completion,
    FollowUp,
    ItemLight,
    Milestone,
    NotGiven,
    Pilot,
    Practice,
    Reading,
    Target,
)
from pilots.models.due import ACCEPT_PERMISSION
from pilots.models.light import on_day
from pilots.models.planned import planned_day
from pilots.models.promise import may_decide
from pilots.models.reading import newest_reported, waiting_readings
from pilots.practices.models import REVIEW_PERMISSION, PracticeState
from policies.models import Province

MINISTRY_DAYS = 20
"""Working days after the due date from which the ministry hears of what is still open."""
OF_VALUES = ("pilot__batch", "pilot__province", "indicator")
NOT_DONE = (LightReason.NOT_DUE, LightReason.LATE)
"""Reasons of the lights of milestones that are in force and not done."""


def promise_name(record: Any) -> str:
    return str(record.name if isinstance(record, Milestone) else record.indicator.name)


def promise_url(record: Any) -> str:
    return f"{record.pilot.get_absolute_url()}{record.anchor}"


def promised_text(record: Any, as_of: date) -> str:
    """Return what is to be promised."""
    return format_date(record.planned_on) if isinstance(record, Milestone) else terms_text(record, as_of)


def amendment_url(row: Amendment) -> str:
    """Return the address of the answer to a request; of one that was refused, of another request."""
    return str(row.item.entry_url("-answer" if row.accepted is None else ""))


class Answer(NamedTuple):
    """A value, or a reason why there is none, that the ministry returned or disputed, with what it said."""

    row: Reading | NotGiven
    reason: str

    @property
    def pilot(self) -> Pilot:
        return self.row.pilot  # type: ignore[no-any-return]

    @property
    def period(self) -> str:
        return str(self.row.period if isinstance(self.row, Reading) else self.row.year)

    @property
    def is_disputed(self) -> bool:
        return isinstance(self.row, Reading) and self.row.disputed_on is not None

    @property
    def on(self) -> date:
        """Day on which it was returned or disputed."""
        disputed_on: Any = self.row.disputed_on if isinstance(self.row, Reading) else None
        returned_on: Any = self.row.returned_on
        return disputed_on or returned_on  # type: ignore[no-any-return]

    @property
    def url(self) -> str:
        """Address of the field in which it is answered."""
        form = reverse("readings-enter", args=[self.row.pilot.slug])
        return f"{form}?period={self.period}#id_r{self.row.indicator_id}-value"


@dataclass
class WorkList:
    """One list of open work: its code, items, the text without any, and the address of the whole list."""

    slug: str
    items: Any  # a list, or a queryset of which a page reads no more than it shows
    empty: Any = ""
    url: str = ""

    @cached_property
    def count(self) -> int:
        return self.items.count() if isinstance(self.items, QuerySet) else len(self.items)


class OpenWork:
    """What remains to be done on a day, in the nation or in one province. Nothing of it is stored."""

    def __init__(self, as_of: date, home: Province | None = None) -> None:
        self.as_of, self.home, self.calendar = as_of, home, WorkingCalendar()
        self.progress = Progress(self.of_home(Pilot.objects.listed(as_of)), as_of)
        self.of_pilots = {"pilot__in": self.progress.rows.values("pk")}

    def of_home(self, rows: Any) -> Any:
        return rows.filter(province=self.home) if self.home else rows

    @cached_property
    def shared_names(self) -> set[str]:
        """Names that several of the pilots have."""
        return shared_names(self.progress.rows)

    @cached_property
    def open_follow_ups(self) -> Any:
        """The most urgent first."""
        rows = self.of_home(FollowUp.objects.with_state(self.as_of).with_cause(self.as_of).open())
        return rows.select_related(*RELATED).by_urgency()

    @cached_property
    def practices(self) -> Any:
        """Those that are proposed, and not in the library."""
        practices: Any = Practice.objects.on(self.as_of)
        proposed = practices.filter(state_then=PracticeState.PROPOSED)
        return proposed.select_related("province").order_by("proposed_on", "pk")

    @cached_property
    def reported(self) -> Any:
        """Pilots of which `n` values are neither accepted nor returned; the longest waiting first."""
        rows = self.progress.rows.filter(readings__in=waiting_readings(self.as_of)).select_related("batch", "province")
        counted = rows.annotate(n=Count("readings"), first_on=Min("readings__reported_on"))
        return counted.order_by("first_on", "pk")

    @cached_property
    def not_given(self) -> Any:
        """Reasons why there is no value, neither accepted nor returned; oldest first."""
        judged = Q(accepted_on__lte=self.as_of) | Q(returned_on__lte=self.as_of)
        rows = NotGiven.objects.filter(~judged, reported_on__lte=self.as_of, **self.of_pilots)
        return rows.select_related(*OF_VALUES).order_by("reported_on", "pk")

    @cached_property
    def answers(self) -> list[Answer]:
        """The values and reasons that were returned or disputed by the day, without those answered since: what is to be
        answered first comes first. Four queries.
        """
        as_of, same = self.as_of, {name: OuterRef(name) for name in ("pilot", "indicator", "period")}
        in_words = NotGiven.objects.annotate(period=Cast("year", CharField()))
        since = {**same, "reported_on__gte": OuterRef("returned_on"), "reported_on__lte": as_of}
        values = Reading.objects.filter(Q(returned_on__lte=as_of) | Q(disputed_on__lte=as_of), newest_reported(as_of))
        values = values.filter(~Exists(in_words.filter(**since)), **self.of_pilots)
        words = in_words.filter(~Exists(Reading.objects.filter(**since)), returned_on__lte=as_of, **self.of_pilots)
        words = words.filter(~Exists(in_words.filter(**since, pk__gt=OuterRef("pk"))))
        found = []
        for model, rows in ((Reading, values.select_related(*OF_VALUES)), (NotGiven, words.select_related(*OF_VALUES))):
            records: list[Any] = list(rows)
            said = model.history.filter(id__in=[row.pk for row in records]).order_by("history_id")
            reasons = dict(said.exclude(history_change_reason=None).values_list("id", "history_change_reason"))
            found += [Answer(row, reasons.get(row.pk, "")) for row in records]
        return sorted(found, key=lambda item: (item.row.answer_by or date.max, item.on))

    @cached_property
    def missing(self) -> Any:
        """Pilots that have not reported for the last year due: the pilot has to act, not the ministry."""
        rows = self.progress.lit.filter(light_outstanding__in=NOT_REPORTED)
        return rows.select_related("batch", "province").order_by(*BY_BATCH)

    @cached_property
    def red(self) -> Any:
        """Red pilots, longest in it first."""
        return self.progress.lit.filter(light_colour=Colour.RED).order_by(*WORST_FIRST)

    @cached_property
    def milestones_due(self) -> Any:
        """Open milestones that are overdue or due soon, with the `planned_then` in force; earliest first."""
        light = FilteredRelation("lights", condition=on_day(self.as_of, "lights__"))
        rows = Milestone.objects.annotate(light=light, why=F("light__why"), planned_then=planned_day(self.as_of))
        last = self.as_of + timedelta(DUE_SOON_DAYS)
        rows = rows.filter(why__in=NOT_DONE, planned_then__lte=last, **self.of_pilots)
        return rows.select_related("pilot__batch").order_by("planned_then", "pk")

    def asked(self, *conditions: Q) -> Any:
        """Return amendments that were asked for, with what is shown of them."""
        rows = Amendment.objects.filter(*conditions, asked_on__lte=self.as_of, **self.of_pilots)
        rows = rows.select_related("pilot__batch", "milestone__pilot", "target__pilot", "target__indicator")
        return rows.prefetch_related("milestone__amendments", "target__amendments")

    @cached_property
    def amendments(self) -> Any:
        """The amendments that the ministry has not decided, the longest waiting first."""
        return self.asked(Q(decided_on=None) | Q(decided_on__gt=self.as_of)).order_by("asked_on", "pk")

    @cached_property
    def refused(self) -> Any:
        """Those that it refused, newest first: not of what is done or dropped, and not where another was made since."""
        item = Q(milestone=OuterRef("milestone")) | Q(target=OuterRef("target"))
        later = Amendment.objects.filter(item, pk__gt=OuterRef("pk"), asked_on__lte=self.as_of)
        stands = Q(milestone=None) & ~Q(why__in=NOT_IN_FORCE) | Q(why__in=NOT_DONE)
        light = ItemLight.objects.filter(item, stands, on_day(self.as_of))
        refused = Q(~Exists(later), Exists(light), accepted=False, decided_on__lte=self.as_of)
        return self.asked(refused).order_by("-decided_on", "-pk")

    @cached_property
    def requests(self) -> list[Any]:
        """What provinces ask to promise, milestones and targets with the day `asked_on`; the longest waiting first."""
        found: list[Any] = []
        for model in (Milestone, Target):
            rows = model._default_manager.filter(promised_on=None, **self.of_pilots)
            records: list[Any] = list(rows.select_related("pilot__batch", "indicator"))
            entries = model.history.filter(id__in=[row.pk for row in records], history_type="+")
            entered = dict(entries.values_list("id", "history_date"))
            for row in records:
                row.asked_on = timezone.localdate(entered[row.pk]) if row.pk in entered else self.as_of
            found += records
        return sorted(found, key=attrgetter("asked_on"))

    @cached_property
    def objected(self) -> list[Completion]:
        """Completions that the ministry objected to, of milestones that are not done since; latest objection first."""
        light = ItemLight.objects.filter(on_day(self.as_of), milestone=OuterRef("milestone"), why__in=NOT_DONE)
        rows = Completion.objects.filter(Exists(light), objected_on__lte=self.as_of, **self.of_pilots)
        newest = {row.milestone_id: row for row in rows.select_related("pilot__batch", "milestone__pilot")}
        return sorted(newest.values(), key=attrgetter("objected_on", "pk"), reverse=True)

    # -- for a user ------------------------------------------------------------------------------------

    def lists_of(self, user: Any) -> list[WorkList]:
        """Return the lists of a user: for the ministry what it verifies and decides, for a province what it does and
        what the ministry sent back.
        """
        some = []  # lists that are shown where they are not empty
        if may_decide(user):
            some += [WorkList("amendments", self.amendments), WorkList("promises", self.requests)]
        else:
            some += [
                WorkList("values-returned", [item for item in self.answers if not item.is_disputed]),
                WorkList("values-disputed", [item for item in self.answers if item.is_disputed]),
                WorkList("objected", self.objected),
                WorkList("amendments-refused", self.refused),
            ]
        if user.has_perm(REVIEW_PERMISSION):
            some.append(WorkList("take-in", self.practices))
        if user.has_perm(ACCEPT_PERMISSION):
            some.append(WorkList("review", self.reported, url=reverse("readings-judge")))
            some.append(WorkList("not-given", self.not_given, url=reverse("admin:pilots_notgiven_changelist")))
        return [
            *self.follow_up_lists(user),
            *(item for item in some if item.count),
            WorkList("missing", self.missing, _("No pilot has values to hand in.")),
            WorkList("red", self.red, _("No pilot is red.")),
            WorkList("due", self.milestones_due, _("No milestone is overdue or due soon.")),
        ]

    def follow_up_lists(self, user: Any) -> list[WorkList]:
        """Return the lists of follow-ups that wait for the user.

        A province's editors sign for and report them, and see the lists that are not empty; the ministry verifies.
        """
        waiting = waiting_for(user, self.open_follow_ups)
        if user.has_perm(VERIFY_PERMISSION):
            days = (self.as_of - timedelta(n) for n in count())
            last = next(day for day in days if self.calendar.add(day, MINISTRY_DAYS) <= self.as_of)
            late = WorkList("late", self.open_follow_ups.filter(is_overdue=True, current_due_on__lte=last))
            own = WorkList("verify", waiting, _("No follow-up waits to be verified."))
            return [own, late] if late.count else [own]
        by_code: dict[str, list[FollowUp]] = {"returned": [], "overdue": [], "to-sign": [], "to-report": []}
        for item in waiting:
            code = "to-sign" if item.state == FollowUpState.OPENED else "to-report"
            code = "returned" if item.last_move == Move.RETURN else code
            by_code["overdue" if item.is_overdue else code].append(item)
        lists = [WorkList(slug, items) for slug, items in by_code.items() if items]
        return lists or [WorkList("follow-ups", [], _("No follow-up waits for you."))]


def list_titles(as_of: date) -> Mapping[str, str]:
    """Return the titles of all lists in the active language, by slug."""
    return {
        "verify": gettext("Follow-ups to verify"),
        "late": gettext("Follow-ups overdue by more than 20 working days"),
        "returned": gettext("Follow-ups returned"),
        "overdue": gettext("Follow-ups overdue"),
        "to-sign": gettext("Follow-ups to sign for"),
        "to-report": gettext("Follow-ups in progress"),
        "follow-ups": gettext("Follow-ups"),
        "amendments": gettext("Amendments asked for"),
        "promises": gettext("Promises to accept"),
        "values-returned": gettext("Values returned"),
        "values-disputed": gettext("Values disputed"),
        "objected": gettext("Completions objected to"),
        "amendments-refused": gettext("Amendments refused"),
        "take-in": gettext("Practices to review for the library"),
        "review": gettext("Values reported and not reviewed"),
        "not-given": gettext("Reasons for missing values to review"),
        "missing": gettext("Not reported for %(year)d") % {"year": year_due(as_of)},
        "red": gettext("Red lights"),
        "due": gettext("Milestones overdue or due within %(n)d days") % {"n": DUE_SOON_DAYS},
    }


def judging_url(pilot: Pilot) -> str:
    """Return the address of the form that accepts or returns what a pilot reported."""
    return reverse("readings-judge", query={"pilot": pilot.slug})


def not_given_url(item: NotGiven) -> str:
    """Return the address at which a reason why there is no value is accepted or returned."""
    return reverse("admin:pilots_notgiven_change", args=[item.pk])
