"""Sending of digests: what is owed is written into the ledger, claimed by one process, sent, and marked as sent."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.http.as_of import holds_demonstration
from dashboard.analytics.open_work import OpenWork, build_open_work
from dashboard.analytics.working_days import WorkingCalendar
from dashboard.models import MailSettings, ReminderMail, ReminderStep, Rhythm
from dashboard.reminders.digest import Digest, StepKey, build_digest, compose
from dashboard.reminders.people import Person, load_people

DIGEST_TIME = time(8, 30)
"""Local time from which the digest of a working day is sent."""
CLAIM = timedelta(minutes=10)
"""How long a process may take to send one mail; a claim of one that was killed is free again after it."""
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
    people = load_people()
    drop_unsent(~Q(user__in=[person.key for person in people if person.wants_mail]))
    waiting = who_waits(people, day)
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
    done = ReminderMail.objects.filter(Q(sent_at__isnull=False) | Q(held=True), day__range=(monday, day))
    got = set(done.values_list("user_id", "day"))
    today, this_week = {user for user, on in got if on == day}, {user for user, _on in got}
    return [
        person.key
        for person in people
        if person.wants_mail and person.key not in (today if person.settings.rhythm == Rhythm.DAILY else this_week)
    ]


def send_one(key: int, work: OpenWork, connection: Any, outcome: Outcome) -> None:
    """Send one user's digest, if there is anything to tell and no other process has claimed it."""
    person = next(iter(load_people([key])), None)
    if person is None or not person.wants_mail:
        return
    digest = build_digest(person, work, told_to(key))
    if not digest.entries:
        drop_unsent(Q(user=key))
        return
    mail = claim(digest)
    if mail is None:
        return
    if holds_demonstration():
        ReminderMail.objects.filter(pk=mail.pk).update(held=True, claimed_until=None)
        outcome.held += 1
        return
    message = compose(digest, mail)
    message.connection = connection
    try:
        connection.open()  # by the first mail; later ones use the same connection
        message.send()
    except SMTPRecipientsRefused as exc:
        code, reason = next(iter(exc.recipients.values()))
        give_back(mail, f"{code} {reason.decode(errors='replace')}")
        if code < 500:  # for the time being: it is tried again
            outcome.failed += 1
            return
        MailSettings.objects.update_or_create(user=person.user, defaults={"refused_address": person.user.email})
        log.warning("an address was refused for good: %s", code, extra={"user": person.key})
        outcome.refused += 1
    except (SMTPException, OSError) as exc:
        outcome.error = give_back(mail, exc)
        outcome.failed += 1
        log.warning("the mail server failed: %s", outcome.error)
    else:
        moment = timezone.now()
        with transaction.atomic():
            values = {"sent_at": moment, "subject": str(message.subject)[:200], "claimed_until": None}
            ReminderMail.objects.filter(pk=mail.pk).update(**values)
            ReminderStep.objects.filter(mail=mail).update(sent_at=moment)
        outcome.sent += 1


# -- the ledger ------------------------------------------------------------------------------------------


def told_to(key: int) -> set[StepKey]:
    """Return the steps that a user was told of."""
    told = Q(sent_at__isnull=False) | Q(mail__held=True)
    return set(ReminderStep.objects.filter(told, user=key).values_list("thing", "code", "planned_for"))


def unsent_steps() -> QuerySet[ReminderStep]:
    """Return the steps that were owed and not told, because a mail was not sent."""
    return ReminderStep.objects.filter(sent_at__isnull=True).exclude(mail__held=True)


def drop_unsent(whose: Q) -> None:
    """Delete the unsent steps of users who are not to be told of them any more, but for those in a claimed mail."""
    unsent_steps().filter(whose).exclude(mail__claimed_until__gte=timezone.now()).delete()


def claim(digest: Digest) -> ReminderMail | None:
    """Write the steps of a digest into the ledger and claim its mail; None where another process has it.

    The claim is one conditional UPDATE, so of any number of processes one gets it. Steps that were owed before and are
    no longer true go.
    """
    user, moment = digest.person.user, timezone.now()
    with transaction.atomic():
        mail, _created = ReminderMail.objects.get_or_create(user=user, day=digest.day)
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=moment)
        open_mails = ReminderMail.objects.filter(free, pk=mail.pk, sent_at__isnull=True, held=False)
        values = {"address": user.email, "error": "", "claimed_until": moment + CLAIM, "attempts": F("attempts") + 1}
        if not open_mails.update(**values):
            return None
        unsent_steps().filter(user=user).delete()
        rows = [
            ReminderStep(user=user, mail=mail, thing=thing, code=code, planned_for=on)
            for thing, code, on in sorted(digest.steps, key=lambda step: (step[2], step[:2]))
        ]
        ReminderStep.objects.bulk_create(rows)
    return mail


def give_back(mail: ReminderMail, error: object) -> str:
    """Free a claimed mail for the next attempt, with the error of this one, and return its text."""
    text = str(error)[:300]
    ReminderMail.objects.filter(pk=mail.pk).update(error=text, claimed_until=None)
    return text
