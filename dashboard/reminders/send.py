"""Sending of digests: each is claimed by one process, sent, and what it told of is noted."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.utils import timezone

from core.http.as_of import holds_demonstration
from dashboard.analytics.open_work import OpenWork, build_open_work
from dashboard.analytics.working_days import WorkingCalendar
from dashboard.models import MailSettings, Rhythm, Told
from dashboard.reminders.digest import Digest, build_digest, compose
from dashboard.reminders.people import Person, load_people

DIGEST_TIME = time(8, 30)
"""Local time from which the digest of a working day is sent."""
log = logging.getLogger("tracker.reminders")


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
    day, calendar = local.date(), WorkingCalendar.load()
    if not calendar.is_working(day):
        return Outcome(idle=f"{day} is no working day")
    if local.time() < DIGEST_TIME:
        return Outcome(idle=f"digests are sent from {DIGEST_TIME:%H:%M} on")
    waiting = who_waits(load_people(), day)
    if not waiting:
        return Outcome(idle="nobody waits for a digest")
    outcome, work, connection = Outcome(), build_open_work(day), get_connection()
    try:
        for key in waiting:  # one after the other, as each is at that moment; a server that is down ends the run
            send_one(key, work, connection, outcome)
            if outcome.error:
                break
    finally:
        connection.close()
    log.info("digests", extra={"sent": outcome.sent, "failed": outcome.failed})
    return outcome


def who_waits(people: Iterable[Person], day: date) -> list[int]:
    """Return the keys of those who want mail and got none on this day, nor in this week if they want one a week."""
    monday = day - timedelta(day.weekday())
    got = set(Told.objects.filter(thing=Told.DIGEST, day__range=(monday, day)).values_list("user", "day"))
    today, this_week = {user for user, on in got if on == day}, {user for user, _on in got}
    return [
        person.key
        for person in people
        if person.wants_mail and person.key not in (today if person.settings.rhythm == Rhythm.DAILY else this_week)
    ]


def send_one(key: int, work: OpenWork, connection: Any, outcome: Outcome) -> None:
    """Send one user's digest, if there is anything to tell and no other process has claimed it.

    A claim whose mail the server did not take is given back for the next run, and nothing counts as told.
    """
    person = next(iter(load_people([key])), None)
    if person is None or not person.wants_mail:
        return
    told = set(Told.objects.filter(user=key).values_list("thing", "code", "day"))
    digest = build_digest(person, work, told)
    if not digest.entries:
        return
    held = holds_demonstration()
    code = Told.HELD if held else Told.SENT
    claim, is_ours = Told.objects.get_or_create(user=person.user, thing=Told.DIGEST, code=code, day=digest.day)
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
        MailSettings.objects.update_or_create(user=person.user, defaults={"refused_address": person.user.email})
        log.warning("an address was refused for good: %s", status, extra={"user": person.key})
        outcome.refused += 1
    except (SMTPException, OSError) as exc:
        claim.delete()
        outcome.error = str(exc)
        outcome.failed += 1
        log.warning("the mail server failed: %s", outcome.error)
    else:
        outcome.sent += 1
        note(digest)


def note(digest: Digest) -> None:
    """Note the steps that a user is told of by a digest."""
    steps = sorted(digest.steps, key=lambda step: (step[2], step[:2]))
    Told.objects.bulk_create(
        [Told(user=digest.person.user, thing=thing, code=code, day=day) for thing, code, day in steps],
        ignore_conflicts=True,
    )
