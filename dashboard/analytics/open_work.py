"""Open work on a day: what waits for each user. The page "My work" and the mail of reminders show these same lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.text import format_date
from dashboard.models import WorkingCalendar
from pilots.amendments import terms_text, wanted_text
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import Progress, build_progress
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.follow_ups.services import waits_for
from pilots.lights import DUE_SOON_DAYS, NOT_REPORTED, Colour, Light
from pilots.metrics import FollowUpState, Move, year_due
from pilots.models import (
    Amendment,
    Completion,
    FollowUp,
    Milestone,
    NotGiven,
    Pilot,
    Practice,
    Reading,
    Target,
)
from pilots.models.due import ACCEPT_PERMISSION
from pilots.models.promise import may_decide
from pilots.models.reading import newest_reported, waiting_readings
from pilots.practices.models import REVIEW_PERMISSION, PracticeState
from policies.models import Province

RELATED = ("pilot__batch", "province", "policy", "practice", "owner_agency", "owner_user")
MINISTRY_DAYS = 20
"""Working days after the due date from which the ministry hears of what is still open."""
OF_VALUES = ("pilot__batch", "pilot__province", "indicator")


class Request(NamedTuple):
    """An amendment that is asked for or was refused, or without one a promise to be accepted; with its pilot."""

    status: PilotStatus
    record: Milestone | Target
    asked_on: date
    amendment: Amendment | None = None

    @property
    def name(self) -> str:
        return str(self.record.name if isinstance(self.record, Milestone) else self.record.indicator.name)

    @property
    def text(self) -> str:
        """What is asked for."""
        if self.amendment:
            return wanted_text(self.amendment)
        if isinstance(self.record, Milestone):
            return format_date(self.record.planned_on)
        return terms_text(self.record, self.status.as_of)

    @property
    def url(self) -> str:
        """Address of the answer to the request; of one that was refused, of another request."""
        return self.record.entry_url("" if self.amendment and self.amendment.accepted is not None else "-answer")


class Answer(NamedTuple):
    """A value, or a reason why there is none, that the ministry returned or disputed, with what it said."""

    row: Reading | NotGiven
    reason: str

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


class WorkList(NamedTuple):
    """One list of open work: its code, items, the text without any, and the address of the whole list."""

    slug: str
    items: Sequence[Any]
    empty: Any = ""
    url: str = ""


@dataclass(frozen=True)
class OpenWork:
    """What remains to be done on a day, in the nation or in one province. Nothing of it is stored."""

    as_of: date
    progress: Progress
    open_follow_ups: Sequence[FollowUp]  # most urgent first
    practices: Sequence[Practice]  # proposed, and not in the library
    reported: Sequence[list[Reading]]  # by pilot, neither accepted nor returned; oldest first
    not_given: Sequence[NotGiven]  # reasons why there is no value, neither accepted nor returned; oldest first
    returned: Sequence[Answer]  # to be answered; the first one due first
    disputed: Sequence[Answer]
    calendar: WorkingCalendar

    def of_province(self, province: Province) -> OpenWork:
        """Return the part of it that a province's editors see. No query."""
        key = province.pk
        return replace(
            self,
            progress=Progress(self.as_of, [item for item in self.progress.pilots if item.pilot.province_id == key]),
            open_follow_ups=[item for item in self.open_follow_ups if item.province_id == key],
            reported=[values for values in self.reported if values[0].pilot.province_id == key],
            not_given=[item for item in self.not_given if item.pilot.province_id == key],
            returned=[item for item in self.returned if item.row.pilot.province_id == key],
            disputed=[item for item in self.disputed if item.row.pilot.province_id == key],
        )

    @cached_property
    def missing(self) -> list[PilotStatus]:
        """Pilots that have not reported for the last year due: the pilot has to act, not the ministry."""
        return [item for item in self.progress.pilots if item.outstanding in NOT_REPORTED]

    @cached_property
    def red(self) -> list[PilotStatus]:
        """Red pilots, longest in it first."""
        return [item for item in self.progress.attention() if item.colour == Colour.RED]

    @cached_property
    def milestones_due(self) -> list[Light]:
        """Open milestones that are overdue or due soon (as their light says), earliest first."""
        last = self.as_of + timedelta(DUE_SOON_DAYS)
        milestones = [item for status in self.progress.pilots for item in status.milestones if not item.done]
        due = [(item.planned_on, item) for item in milestones if item.planned_on and item.planned_on <= last]
        return [light for _day, light in sorted(due, key=lambda pair: (pair[0], pair[1].record.pk))]

    @property
    def promises(self) -> Iterator[tuple[PilotStatus, Light]]:
        """Every milestone and target, with its pilot."""
        for status in self.progress.pilots:
            for light in (*status.milestones, *status.indicators):
                yield status, light

    @cached_property
    def amendments(self) -> list[Request]:
        """The amendments that the ministry has not decided, the longest waiting first."""
        waiting = [
            Request(status, light.record, asked.asked_on, asked)
            for status, light in self.promises
            if (asked := light.record.waiting_amendment(self.as_of))
        ]
        return sorted(waiting, key=lambda row: (row.asked_on, row.amendment.pk))  # type: ignore[union-attr]

    @cached_property
    def refused(self) -> list[Request]:
        """Those that it refused, newest first: not of what is done or dropped, and not where another was made since."""
        refused = [
            Request(status, light.record, asked.asked_on, asked)
            for status, light in self.promises
            if light.in_force and not light.done and (asked := light.record.refused_amendment(self.as_of))
        ]
        return sorted(refused, key=lambda row: (row.amendment.decided_on, row.amendment.pk), reverse=True)  # type: ignore[union-attr]

    @cached_property
    def requests(self) -> list[Request]:
        """What provinces ask to promise, the longest waiting first. A query for each kind of record that waits."""
        waiting = [(status, light.record) for status, light in self.promises if light.record.promised_on is None]
        entered: dict[tuple[Any, int], date] = {}
        for model in {type(record) for _status, record in waiting}:
            keys = [record.pk for _status, record in waiting if type(record) is model]
            rows = model.history.filter(id__in=keys, history_type="+").values_list("id", "history_date")
            entered |= {(model, key): timezone.localdate(moment) for key, moment in rows}
        found = [Request(item, record, entered.get((type(record), record.pk), self.as_of)) for item, record in waiting]
        return sorted(found, key=lambda row: row.asked_on)

    @cached_property
    def objected(self) -> list[tuple[Light, Completion]]:
        """Milestones whose completion the ministry objected to, and that are not done since; latest objection first."""
        found = []
        for _status, light in self.promises:
            rows = light.record.all_completions if isinstance(light.record, Milestone) else []
            rows = [item for item in rows if item.objected_on and item.objected_on <= self.as_of]
            if rows and light.in_force and not light.done:
                found.append((light, rows[-1]))
        return sorted(found, key=lambda pair: (pair[1].objected_on, pair[1].pk), reverse=True)

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
                WorkList("values-returned", self.returned),
                WorkList("values-disputed", self.disputed),
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
            *(item for item in some if item.items),
            WorkList("missing", self.missing, _("No pilot has values to hand in.")),
            WorkList("red", self.red, _("No pilot is red.")),
            WorkList("due", self.milestones_due, _("No milestone is overdue or due soon.")),
        ]

    def follow_up_lists(self, user: Any) -> list[WorkList]:
        """Return the lists of follow-ups that wait for the user.

        A province's editors sign for and report them, and see the lists that are not empty; the ministry verifies.
        """
        waiting = [item for item in self.open_follow_ups if waits_for(item, user)]
        if user.has_perm(VERIFY_PERMISSION):
            overdue = [item for item in self.open_follow_ups if item.is_overdue]
            late = [i for i in overdue if self.calendar.add(i.current_due_on, MINISTRY_DAYS) <= self.as_of]
            own = WorkList("verify", waiting, _("No follow-up waits to be verified."))
            return [own, *([WorkList("late", late)] if late else [])]
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


def judging_url(values: Sequence[Reading]) -> str:
    """Return the address of the form that accepts or returns what a pilot reported."""
    return f"{reverse('readings-judge')}?pilot={values[0].pilot.slug}"


def not_given_url(item: NotGiven) -> str:
    """Return the address at which a reason why there is no value is accepted or returned."""
    return reverse("admin:pilots_notgiven_change", args=[item.pk])


def sent_back(as_of: date) -> list[Answer]:
    """Return the values and reasons that were returned or disputed by the day, without those answered since: what is to
    be answered first comes first. Four queries.
    """
    listed, same = Pilot.objects.listed(as_of), {name: OuterRef(name) for name in ("pilot", "indicator", "period")}
    in_words = NotGiven.objects.annotate(period=Cast("year", CharField()))
    since = {**same, "reported_on__gte": OuterRef("returned_on"), "reported_on__lte": as_of}
    values = Reading.objects.filter(Q(returned_on__lte=as_of) | Q(disputed_on__lte=as_of), newest_reported(as_of))
    values = values.filter(~Exists(in_words.filter(**since)), pilot__in=listed)
    words = in_words.filter(~Exists(Reading.objects.filter(**since)), returned_on__lte=as_of, pilot__in=listed)
    words = words.filter(~Exists(in_words.filter(**since, pk__gt=OuterRef("pk"))))
    found = []
    for model, rows in ((Reading, values.select_related(*OF_VALUES)), (NotGiven, words.select_related(*OF_VALUES))):
        records: list[Any] = list(rows)
        said = model.history.filter(id__in=[row.pk for row in records]).order_by("history_id")
        reasons = dict(said.exclude(history_change_reason=None).values_list("id", "history_change_reason"))
        found += [Answer(row, reasons.get(row.pk, "")) for row in records]
    return sorted(found, key=lambda item: (item.row.answer_by or date.max, item.on))


def build_open_work(as_of: date, home: Province | None = None) -> OpenWork:
    """Return the open work of the nation, or of a province. Eleven queries, and those of the pilots' status."""
    pilots, follow_ups = Pilot.objects.listed(as_of), FollowUp.objects.with_state(as_of).open()
    if home:
        pilots, follow_ups = pilots.filter(province=home), follow_ups.filter(province=home)
    practices: Any = Practice.objects.on(as_of)
    proposed = practices.filter(state_then=PracticeState.PROPOSED)
    listed = Pilot.objects.listed(as_of)
    reported: dict[int, list[Reading]] = defaultdict(list)  # the longest waiting first
    waiting = waiting_readings(as_of).filter(pilot__in=listed).select_related(*OF_VALUES)
    for row in waiting.order_by("reported_on", "pk"):
        reported[row.pilot_id].append(row)
    judged = Q(accepted_on__lte=as_of) | Q(returned_on__lte=as_of)
    words = NotGiven.objects.filter(~judged, pilot__in=listed, reported_on__lte=as_of).select_related(*OF_VALUES)
    answers = sent_back(as_of)
    work = OpenWork(
        as_of=as_of,
        progress=build_progress(pilots, as_of),
        open_follow_ups=list(follow_ups.select_related(*RELATED).by_urgency()),
        practices=list(proposed.select_related("province").order_by("proposed_on", "pk")),
        reported=list(reported.values()),
        not_given=list(words.order_by("reported_on", "pk")),
        returned=[item for item in answers if not item.is_disputed],
        disputed=[item for item in answers if item.is_disputed],
        calendar=WorkingCalendar(),
    )
    return work.of_province(home) if home else work
