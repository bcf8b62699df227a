"""Reminders by mail: one digest a person a working day, of the lists of "My work".

What a person is to be told of is computed from what is open on the day, so what was done meanwhile is in none; each
step is told once. A step of something that happened on a day belongs to the next day, so that the digest of a morning
is about whole days.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from smtplib import SMTPDataError, SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from accounts.models import Role, role_of
from core.days import holds_demonstration
from core.permissions import editor_province
from core.text import format_date, join_clauses, label_value
from dashboard.analytics.open_work import (
    MINISTRY_DAYS,
    Answer,
    OpenWork,
    amendment_url,
    judging_url,
    list_titles,
    not_given_url,
    promise_name,
    promise_url,
    promised_text,
)
from dashboard.models import MailSettings, Rhythm, Told, WorkingCalendar
from pilots.amendments import request_text
from pilots.analytics.pilot_status import pilot_status
from pilots.lights import ReportState
from pilots.metrics import FollowUpState, Move, year_due
from pilots.models import Amendment, Completion, NotGiven, Practice
from pilots.models.light import ALWAYS

DIGEST_TIME = time(8, 30)
"""Local time from which the digest of a working day is sent."""
MAX_LINES = 5  # of a block of a digest
DAYS_BEFORE, DAYS_AFTER = (30, 7, 1), (1, 7, 30)
NEWS_DAYS = 30
"""Days for which something that happened is news: what is older is on the pages, and in no mail."""
KEPT_STEPS = 60  # days, longer than any of these
Step = tuple[str, date]
"""A step: its code, and the day for which it is planned."""
log = logging.getLogger("tracker.reminders")


# -- who gets them -----------------------------------------------------------------------------------------


def active_users() -> QuerySet[User]:
    return User.objects.filter(is_active=True).select_related("officer__province", "mail_settings").order_by("pk")


def settings_of(user: Any) -> MailSettings:
    """Return the settings of a user, or those that hold without a row (unsaved)."""
    mail_settings: MailSettings = getattr(user, "mail_settings", None) or MailSettings(user=user)
    return mail_settings


def wants_mail(user: User) -> bool:
    """Whether there is an address that was not refused for good, and the digest is on."""
    own = settings_of(user)
    return bool(user.email) and user.email != own.refused_address and own.rhythm != Rhythm.OFF


# -- what is told ------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """One line of a digest: the record, the steps that it tells of, its text in the active language and its path."""

    thing: str
    steps: Sequence[Step]
    text: Any  # a text, or one that is made where it is written
    path: str
    block: str = ""  # the list that it is of


# -- days of steps -----------------------------------------------------------------------------------------


def due_steps(due_on: date, work: OpenWork, *, acts: bool) -> list[Step]:
    """Return the steps of a due date that should have been taken by the day: for who is to act those before it until
    it has passed, then those after it; for the ministry that it stayed open for long.
    """
    day = work.as_of
    if not acts:
        steps = [("ministry", work.calendar.add(due_on, MINISTRY_DAYS))]
    elif due_on >= day:
        steps = [(f"before{n}", due_on - timedelta(n)) for n in DAYS_BEFORE]
    else:
        steps = [(f"after{n}", due_on + timedelta(n)) for n in DAYS_AFTER]
    return [step for step in steps if step[1] <= day]


def waiting_steps(code: str, since: date | None, day: date) -> list[Step]:
    """Return the steps of something that waits since a day: from the next one on, and 7 and 30 days later."""
    if since is None or since >= day:
        return []
    steps = [(code, since), *((f"{code}-after{n}", since + timedelta(n)) for n in DAYS_AFTER[1:])]
    return [step for step in steps if step[1] <= day]


def news_steps(code: str, on: date | None, day: date) -> list[Step]:
    """Return the step of something that happened on a day, while it is news."""
    return [(code, on)] if on and day - timedelta(NEWS_DAYS) <= on < day else []


# -- texts -------------------------------------------------------------------------------------------------


def due_text(due_on: date, day: date) -> str:
    """Return when it is due, and how far away that is."""
    if due_on == day:
        return _("due today")
    n = abs((due_on - day).days)
    if due_on > day:
        text = ngettext("due %(day)s, in %(n)d day", "due %(day)s, in %(n)d days", n)
    else:
        text = ngettext("due %(day)s, %(n)d day late", "due %(day)s, %(n)d days late", n)
    return text % {"day": format_date(due_on), "n": n}


def of_whom(name: object, whose: object) -> str:
    return _("%(name)s (%(whose)s)") % {"name": name, "whose": whose}


# -- by list -----------------------------------------------------------------------------------------------


def milestone_entry(row: Any, user: User, work: OpenWork) -> Entry:
    steps = due_steps(row.planned_then, work, acts=bool(editor_province(user)))
    text = label_value(of_whom(row.name, row.pilot.name), due_text(row.planned_then, work.as_of))
    return Entry(f"milestone:{row.pk}", steps, text, promise_url(row))


def follow_up_entry(row: Any, user: User, work: OpenWork) -> Entry:
    """Return the entry of a follow-up: for its verifier once it is reported, else for who is to act on it."""
    day, since, due = work.as_of, row.last_step_on, due_text(row.current_due_on, work.as_of)
    if row.state == FollowUpState.REPORTED:
        steps, text = waiting_steps("verify", since, day), _("reported on %(day)s, to be verified")
        text %= {"day": format_date(since)}
    else:
        returned = row.last_move == Move.RETURN
        acts = bool(editor_province(user)) or row.owner_user_id == user.pk
        steps, text = due_steps(row.current_due_on, work, acts=acts), join_clauses([row.current_state.label, due])
        if acts and since < day and (returned or row.state == FollowUpState.OPENED):
            steps = [("returned" if returned else "assigned", since), *steps]
        if returned and steps:
            note, newest = _("returned on %(day)s") % {"day": format_date(since)}, row.steps.get(seq=row.last_seq)
            text = join_clauses(filter(None, [note, newest.remark, due]))
    text = label_value(of_whom(row, row.subject.name if row.subject else ""), text)
    return Entry(f"follow_up:{row.pk}", steps, text, row.get_absolute_url())


def amendment_entry(row: Amendment, _user: User, work: OpenWork) -> Entry:
    """Return the entry of a request that waits for the ministry, or was refused."""
    day, record = work.as_of, row.item
    refused_on = row.decided_on if row.decided_on and row.decided_on <= day else None
    steps = news_steps("refused", refused_on, day) if refused_on else waiting_steps("decide", row.asked_on, day)
    text = label_value(of_whom(promise_name(record), record.pilot.name), request_text(record, day))
    return Entry(f"amendment:{row.pk}", steps, text, amendment_url(row))


def promise_entry(row: Any, _user: User, work: OpenWork) -> Entry:
    text = label_value(of_whom(promise_name(row), row.pilot.name), promised_text(row, work.as_of))
    steps = waiting_steps("promise", row.asked_on, work.as_of)
    return Entry(f"promise:{row._meta.model_name}:{row.pk}", steps, text, row.entry_url("-answer"))


def answer_entry(item: Answer, _user: User, work: OpenWork) -> Entry:
    """Return the entry of a value that the ministry returned or disputed: on the next day, and by its date."""
    row, day = item.row, work.as_of
    if item.is_disputed:
        steps, text = waiting_steps("disputed", item.on, day), _("disputed on %(day)s")
    else:
        steps, text = waiting_steps("sent-back", item.on, day)[:1], _("returned on %(day)s")
    answer_by = None if item.is_disputed else row.answer_by
    if answer_by:
        steps += due_steps(answer_by, work, acts=True)
    parts = [text % {"day": format_date(item.on)}, item.reason, due_text(answer_by, day) if answer_by else ""]
    name = of_whom(f"{row.indicator} {item.period}", row.pilot.name)
    kind = row._meta.model_name
    return Entry(f"{kind}:{row.pk}", steps, label_value(name, join_clauses(filter(None, parts))), item.url)


def objection_entry(row: Completion, _user: User, work: OpenWork) -> Entry:
    text = _("objected to on %(day)s: %(objection)s")
    text %= {"day": format_date(row.objected_on), "objection": row.objection}
    steps = waiting_steps("objected", row.objected_on, work.as_of)
    text = label_value(of_whom(row.milestone.name, row.milestone.pilot.name), text)
    return Entry(f"completion:{row.pk}", steps, text, promise_url(row.milestone))


def red_entry(pilot: Any, _user: User, work: OpenWork) -> Entry:
    """Return the entry of a red pilot, which is told of while it is red; judged only where it is written."""
    since = pilot.light_colour_since
    steps = [("red", since)] if ALWAYS < since < work.as_of else []

    def text() -> str:
        first = _("red since %(day)s") % {"day": format_date(since)}
        return label_value(pilot.name, join_clauses([first, pilot_status(pilot, work.as_of).sentence]))

    return Entry(f"pilot:{pilot.pk}", steps, SimpleLazyObject(text), pilot.get_absolute_url())


def missing_entry(pilot: Any, _user: User, work: OpenWork) -> Entry:
    """Return the entry of the values of a year that are due, which the province alone is told of: with steps where
    nothing was handed in; what was sent back is on a list of its own.
    """
    nothing = pilot.light_outstanding == ReportState.NOTHING
    steps = due_steps(pilot.light_values_due_on, work, acts=True) if nothing else []
    text = label_value(pilot.name, ReportState(pilot.light_outstanding).label)
    thing, path = f"values:{pilot.pk}:{year_due(work.as_of)}", reverse("readings-enter", args=[pilot.slug])
    return Entry(thing, steps, text, path)


def reported_entry(pilot: Any, _user: User, work: OpenWork) -> Entry:
    text = ngettext("%(n)d value, reported on %(day)s", "%(n)d values, the first reported on %(day)s", pilot.n)
    text = label_value(pilot.name, text % {"n": pilot.n, "day": format_date(pilot.first_on)})
    steps = waiting_steps("review", pilot.first_on, work.as_of)
    return Entry(f"values:{pilot.pk}", steps, text, judging_url(pilot))


def not_given_entry(item: NotGiven, _user: User, work: OpenWork) -> Entry:
    text = _("reason handed in on %(day)s") % {"day": format_date(item.reported_on)}
    steps = waiting_steps("review", item.reported_on, work.as_of)
    return Entry(f"not_given:{item.pk}", steps, label_value(of_whom(item, item.pilot.name), text), not_given_url(item))


def practice_entry(practice: Practice, _user: User, work: OpenWork) -> Entry:
    steps = waiting_steps("take-in", practice.proposed_on, work.as_of)
    text = label_value(practice.name, _("proposed on %(day)s") % {"day": format_date(practice.proposed_on)})
    return Entry(f"practice:{practice.pk}", steps, text, practice.get_absolute_url())


ENTRIES: Mapping[str, Callable[[Any, User, OpenWork], Entry]] = {
    **dict.fromkeys(("verify", "late", "returned", "overdue", "to-sign", "to-report", "follow-ups"), follow_up_entry),
    **dict.fromkeys(("amendments", "amendments-refused"), amendment_entry),
    "promises": promise_entry,
    **dict.fromkeys(("values-returned", "values-disputed"), answer_entry),
    "objected": objection_entry,
    "take-in": practice_entry,
    "review": reported_entry,
    "not-given": not_given_entry,
    "missing": missing_entry,
    "red": red_entry,
    "due": milestone_entry,
}


# -- the digest --------------------------------------------------------------------------------------------


class Digest(NamedTuple):
    """What one user is to be told on a day: the entries by list, and how many items the whole list of each has."""

    user: User
    day: date
    entries: Sequence[Entry]
    totals: dict[str, int]


def build_digest(user: User, work: OpenWork, told: set[tuple[str, str, date]]) -> Digest:
    """Return the digest of a user without the steps that were told already (record, code, day); it may be empty.

    It is of the lists of "My work", a record on two of them on the first; viewers and administrators of accounts have
    none.
    """
    by_thing: dict[str, Entry] = {}
    told_of = editor_province(user) or role_of(user) == Role.NATIONAL_EDITOR
    lists = {item.slug: item for item in (work.lists_of(user) if told_of else ())}
    if not work.home:
        lists.pop("missing", None)
    with override(settings_of(user).language):
        for slug, listed in lists.items():
            for item in listed.items:
                entry = ENTRIES[slug](item, user, work)
                if entry.steps:
                    by_thing.setdefault(entry.thing, entry._replace(block=slug))
    entries = [
        entry._replace(steps=[step for step in entry.steps if (entry.thing, *step) not in told])
        for entry in by_thing.values()
    ]
    entries = [entry for entry in entries if entry.steps]
    totals = {slug: lists[slug].count for slug in {entry.block for entry in entries}}
    return Digest(user, work.as_of, entries, totals)


def compose(digest: Digest) -> EmailMessage:
    """Return the mail of a digest, in the user's language.

    It has the same Message-ID at each attempt, so that a mail server that took it twice can show it once.
    """
    user, site = digest.user, settings.SITE_URL
    language = settings_of(user).language
    with override(language):
        titles, blocks = list_titles(digest.day), []
        for slug in dict.fromkeys(entry.block for entry in digest.entries):
            lines = [(entry.text, site + entry.path) for entry in digest.entries if entry.block == slug][:MAX_LINES]
            total = digest.totals[slug]
            blocks.append(
                {
                    "title": titles[slug],
                    "lines": lines,
                    "total": total,
                    "more": total > len(lines),
                    "url": f"{site}{reverse('desk')}#{slug}-title",
                }
            )
        home, n = editor_province(user), len(digest.entries)
        context = {
            "blocks": blocks,
            "day": format_date(digest.day),
            "place": home.name if home else _("Ministry") if role_of(user) == Role.NATIONAL_EDITOR else "",
            "settings_url": site + reverse("reminders"),
        }
        subject = ngettext("%(day)s: %(n)d thing to look at", "%(day)s: %(n)d things to look at", n)
        return EmailMessage(
            subject % {"day": format_date(digest.day), "n": n},
            render_to_string("dashboard/reminders/digest.txt", context).strip() + "\n",
            to=[user.email],
            headers={
                "Message-ID": f"<reminder-{user.pk}-{digest.day:%Y%m%d}@{site.partition('://')[2].partition(':')[0]}>",
                "Auto-Submitted": "auto-generated",
                "Content-Language": language,
            },
        )


# -- sending -----------------------------------------------------------------------------------------------

ONE_MAIL_ALONE = (SMTPDataError, SMTPNotSupportedError, SMTPSenderRefused)
"""Errors of one mail, as for its content, its size or its address: the run goes on with the next one."""


@dataclass
class Outcome:
    """What a run did; `idle` says why it did nothing."""

    idle: str = ""
    sent: int = 0
    held: int = 0
    refused: int = 0  # addresses that the mail server refused for good
    failed: int = 0  # mails that are tried again
    error: str = ""  # of a mail server that does not answer: the run ended there


def text_of(outcome: Outcome) -> str:
    """Return what was done in one line."""
    if outcome.idle:
        return f"Nothing to send: {outcome.idle}."
    held = f", {outcome.held} held back (demonstration)" if outcome.held else ""
    refused = f", {outcome.refused} addresses refused" if outcome.refused else ""
    failed = f", {outcome.failed} to be tried again" if outcome.failed else ""
    return f"{outcome.sent} sent{held}{refused}{failed}."


def send_digests(now: datetime) -> Outcome:
    """Send the digests that are owed at a moment, and return what was done.

    Any number of processes may run at once, and any number of runs may have been missed.
    """
    if not settings.MAIL:
        return Outcome(idle="no mail server is set up (EMAIL_URL)")
    local = timezone.localtime(now)
    day, calendar = local.date(), WorkingCalendar()
    if not calendar.is_working(day):
        return Outcome(idle=f"{day} is no working day")
    if local.time() < DIGEST_TIME:
        return Outcome(idle=f"digests are sent from {DIGEST_TIME:%H:%M} on")
    # Who wants mail and got none on this day, nor in this week who wants one a week.
    monday = day - timedelta(day.weekday())
    told = set(Told.objects.filter(thing=Told.DIGEST, day__range=(monday, day)).values_list("user", "day"))
    today, this_week = {user for user, on in told if on == day}, {user for user, _on in told}
    waiting = [
        user.pk
        for user in active_users()
        if wants_mail(user) and user.pk not in (today if settings_of(user).rhythm == Rhythm.DAILY else this_week)
    ]
    if not waiting:
        return Outcome(idle="nobody waits for a digest")
    outcome, work_of, connection = Outcome(), cache(partial(OpenWork, day)), get_connection()
    try:
        for key in waiting:  # one after the other, as each is at that moment; a server that is down ends the run
            send_one(key, work_of, connection, outcome)
            if outcome.error:
                break
    finally:
        connection.close()
    log.info("digests", extra={"sent": outcome.sent, "failed": outcome.failed})
    return outcome


def send_one(key: int, work_of: Callable[[Any], OpenWork], connection: Any, outcome: Outcome) -> None:
    """Send one user's digest, if there is anything to tell and no other process has claimed it.

    A claim whose mail the server did not take is given back for the next run, and nothing counts as told.
    """
    user = active_users().filter(pk=key).first()
    if user is None or not wants_mail(user):
        return
    told = set(Told.objects.filter(user=key).values_list("thing", "code", "day"))
    digest = build_digest(user, work_of(editor_province(user)), told)
    if not digest.entries:
        return
    held = holds_demonstration()
    code = Told.HELD if held else Told.SENT
    claim, is_ours = Told.objects.get_or_create(user=user, thing=Told.DIGEST, code=code, day=digest.day)
    if not is_ours:
        return
    if held:
        outcome.held += 1
        note(digest)
        return
    message = compose(digest)
    message.connection = connection
    try:
        connection.open()  # by the first mail; later ones use the same connection
        message.send()
    except SMTPRecipientsRefused as exc:
        claim.delete()
        status, _reason = next(iter(exc.recipients.values()))
        if status < 500:  # for the time being: it is tried again
            outcome.failed += 1
            return
        MailSettings.objects.update_or_create(user=user, defaults={"refused_address": user.email})
        log.warning("an address was refused for good: %s", status, extra={"user": user.pk})
        outcome.refused += 1
    except (SMTPException, OSError) as exc:
        claim.delete()
        outcome.failed += 1
        if isinstance(exc, ONE_MAIL_ALONE):
            log.warning("a mail was not taken: %s", exc, extra={"user": user.pk})
            return
        outcome.error = str(exc)
        log.warning("the mail server failed: %s", outcome.error)
    else:
        outcome.sent += 1
        note(digest)


def delete_told(day: date) -> None:
    """Delete what no digest asks for any more: digests that were sent, old news, and steps before a day that has come.

    Those after a day are asked for as long as something is late: of each record a few, for each user.
    """
    over = Q(thing=Told.DIGEST) | Q(code__startswith="before") | Q(code__in=("refused", "red"))
    Told.objects.filter(over, day__lt=day - timedelta(KEPT_STEPS)).delete()


def note(digest: Digest) -> None:
    """Note the steps that a user is told of by a digest, those behind "all 17" included."""
    steps = sorted((day, entry.thing, code) for entry in digest.entries for code, day in entry.steps)
    told = [Told(user=digest.user, thing=thing, code=code, day=day) for day, thing, code in dict.fromkeys(steps)]
    Told.objects.bulk_create(told, ignore_conflicts=True)
