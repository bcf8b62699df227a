"""Open work on a day: what waits for each user. The page "My work" and the mail of reminders show these same lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.models import WorkingCalendar
from pilots.analytics.pilot_status import NOT_REPORTED, PilotStatus, Progress, build_progress
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.follow_ups.services import waits_for
from pilots.lights import DUE_SOON_DAYS, Colour, Light
from pilots.metrics import FollowUpState, Move, year_due
from pilots.models import FollowUp, Milestone, Pilot, Practice, Reading, Replan, StageEntry
from pilots.models.reading import waiting_readings
from pilots.practices.models import REVIEW_PERMISSION, PracticeState
from pilots.replans import PLACE_PERMISSION
from policies.models import Province

RELATED = ("pilot__batch", "province", "policy", "practice", "owner_agency", "owner_user")
MINISTRY_DAYS = 20
"""Working days after the due date from which the ministry hears of what is still open."""
ACCEPT_PERMISSION = "pilots.accept_reading"


class PilotReplan(NamedTuple):
    """A request for another planned day that waits or was refused, with the pilot whose it is."""

    status: PilotStatus
    record: Milestone | StageEntry
    replan: Replan

    @property
    def url(self) -> str:
        """Address of the answer to the request; of one that was refused, of another request."""
        return self.record.entry_url("-answer" if self.replan.accepted is None else "")


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
    reported: Sequence[list[Reading]]  # by pilot, neither accepted nor disputed; oldest first
    calendar: WorkingCalendar

    def of_province(self, province: Province) -> OpenWork:
        """Return the part of it that a province's editors see. No query."""
        key = province.pk
        return replace(
            self,
            progress=Progress(self.as_of, [item for item in self.progress.pilots if item.pilot.province_id == key]),
            open_follow_ups=[item for item in self.open_follow_ups if item.province_id == key],
            reported=[values for values in self.reported if values[0].pilot.province_id == key],
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
        due = [item for item in milestones if item.planned_on <= last]
        return sorted(due, key=lambda light: (light.planned_on, light.record.pk))

    def replans(self, *, refused: bool = False) -> list[PilotReplan]:
        """Return the requests for another planned day that the ministry has not decided, the longest waiting first.

        Or those that it refused, newest first: not of what is done, and not where another was made since.
        """
        waiting = []
        for status in self.progress.pilots:
            for record in [*status.pilot.prefetched_milestones, *status.pilot.prefetched_stages]:
                replan = record.refused_replan(self.as_of) if refused else record.waiting_replan(self.as_of)
                done_on = record.completed_on if isinstance(record, Milestone) else record.entered_on
                if replan and not (refused and done_on and done_on <= self.as_of):
                    waiting.append(PilotReplan(status, record, replan))
        if refused:
            return sorted(waiting, key=lambda row: (row.replan.decided_on or self.as_of, row.replan.pk), reverse=True)
        return sorted(waiting, key=lambda row: (row.replan.asked_on, row.replan.pk))

    # -- for a user ------------------------------------------------------------------------------------

    def lists_of(self, user: Any) -> list[WorkList]:
        """Return the lists of a user: for the ministry what it verifies, for a province what it does.

        The ministry decides requests for later days and reviews the practices that are proposed. A province sees the
        requests that it refused.
        """
        some = []  # lists that are shown where they are not empty
        if user.has_perm(PLACE_PERMISSION):
            url = f"{reverse('admin:pilots_replan_changelist')}?accepted__isnull=True"
            some.append(WorkList("replans", self.replans(), url=url))
        else:
            some.append(WorkList("replans-refused", self.replans(refused=True)))
        if user.has_perm(REVIEW_PERMISSION):
            some.append(WorkList("take-in", self.practices))
        if user.has_perm(ACCEPT_PERMISSION):
            some.append(WorkList("review", self.reported, url=reverse("readings-judge")))
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
        "replans": gettext("Later days asked for"),
        "replans-refused": gettext("Later days refused"),
        "take-in": gettext("Practices to review for the library"),
        "review": gettext("Values reported and not reviewed"),
        "missing": gettext("Not reported for %(year)d") % {"year": year_due(as_of)},
        "red": gettext("Red lights"),
        "due": gettext("Milestones overdue or due within %(n)d days") % {"n": DUE_SOON_DAYS},
    }


def judging_url(values: Sequence[Reading]) -> str:
    """Return the address of the form that accepts or disputes what a pilot reported."""
    return f"{reverse('readings-judge')}?pilot={values[0].pilot.slug}"


def build_open_work(as_of: date, home: Province | None = None) -> OpenWork:
    """Return the open work of the nation, or of a province. Six queries, and those of the pilots' status."""
    pilots, follow_ups = Pilot.objects.listed(as_of), FollowUp.objects.with_state(as_of).open()
    if home:
        pilots, follow_ups = pilots.filter(province=home), follow_ups.filter(province=home)
    practices: Any = Practice.objects.on(as_of)
    proposed = practices.filter(state_then=PracticeState.PROPOSED)
    readings = waiting_readings(as_of).filter(pilot__in=Pilot.objects.listed(as_of))
    reported: dict[int, list[Reading]] = defaultdict(list)  # the longest waiting first
    for row in readings.select_related("pilot__batch", "pilot__province").order_by("reported_on", "pk"):
        reported[row.pilot_id].append(row)
    work = OpenWork(
        as_of=as_of,
        progress=build_progress(pilots, as_of),
        open_follow_ups=list(follow_ups.select_related(*RELATED).by_urgency()),
        practices=list(proposed.select_related("province").order_by("proposed_on", "pk")),
        reported=list(reported.values()),
        calendar=WorkingCalendar(),
    )
    return work.of_province(home) if home else work
