"""The digest of a user on a day: what is to be told, in blocks of at most five lines, as a plain text in the user's
language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from core.permissions import editor_province
from dashboard.analytics.open_work import OpenWork, list_titles
from dashboard.models import ReminderMail
from dashboard.reminders.lines import line_of
from dashboard.reminders.people import Person, unsubscribe_path
from dashboard.reminders.steps import Entry, RoleSteps
from policies.charts.rollout import format_day

MAX_LINES = 5

StepKey = tuple[str, str, date]
"""Record, code and day of a step."""


@dataclass(frozen=True)
class Digest:
    """What one user is to be told on a day: the entries by block, and how many items the whole list of each has."""

    person: Person
    day: date
    entries: Sequence[Entry]
    totals: dict[str, int]

    @property
    def steps(self) -> set[StepKey]:
        """The steps that it tells of, those behind "all 17" included."""
        return {(entry.thing, code, on) for entry in self.entries for code, on in entry.steps}


def build_digest(person: Person, work: OpenWork, told: set[StepKey]) -> Digest:
    """Return the digest of a user without the steps that were told already; it may be empty.

    It is of the lists of "My work"; viewers and administrators of accounts have none.
    """
    own = work.of_province(person.province) if person.province else work
    lists = own.lists_of(person.user) if person.province or person.is_ministry else []
    entries = [
        replace(entry, steps=[step for step in entry.steps if (entry.thing, *step) not in told])
        for entry in one_for_each(RoleSteps(person, work).entries(lists))
    ]
    totals = {item.slug: len(item.items) for item in lists}
    return Digest(person, work.as_of, [entry for entry in entries if entry.steps], totals)


def one_for_each(entries: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each record and kind of line, in order, with the steps of all."""
    found: dict[tuple[str, type], Entry] = {}
    for entry in entries:
        key = (entry.thing, type(entry.item))
        known = found.get(key, entry)
        found[key] = replace(known, steps=list(dict.fromkeys([*known.steps, *entry.steps])))
    return list(found.values())


# -- as a mail -------------------------------------------------------------------------------------------


def compose(digest: Digest, mail: ReminderMail) -> EmailMessage:
    """Return the mail of a digest, in the user's language."""
    with override(digest.person.settings.language):
        off = settings.SITE_URL + unsubscribe_path(digest.person.user)
        context = {
            "blocks": [block(slug, items, digest) for slug, items in by_block(digest.entries).items()],
            "day": format_day(digest.day),
            "place": place(digest.person),
            "settings_url": settings.SITE_URL + reverse("reminders"),
            "off_url": off,
        }
        return EmailMessage(
            subject(digest),
            render_to_string("reminders/digest.txt", context).strip() + "\n",
            to=[digest.person.user.email],
            headers={
                "Message-ID": message_id(mail),
                "List-Unsubscribe": f"<{off}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",
                "Content-Language": digest.person.settings.language,
            },
        )


def message_id(mail: ReminderMail) -> str:
    """Return the same id for each attempt, so that a mail server that took it twice can show it once."""
    return f"<reminder-{mail.pk}-{mail.day:%Y%m%d}@{settings.SITE_URL.partition('://')[2].partition(':')[0]}>"


def subject(digest: Digest) -> str:
    n = len(digest.entries)
    text = ngettext("%(day)s: %(n)d thing to look at", "%(day)s: %(n)d things to look at", n)
    return text % {"day": format_day(digest.day), "n": n}


def place(person: Person) -> str:
    home = editor_province(person.user)
    return home.name if home else str(_("Ministry")) if person.is_ministry else ""


def by_block(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.block, []).append(entry)
    return found


def block(slug: str, entries: Sequence[Entry], digest: Digest) -> dict[str, Any]:
    """Return the template context of a block: its first lines, and the link to the whole list where that is longer."""
    total = digest.totals[slug]
    lines = [line_of(entry, digest.day) for entry in entries[:MAX_LINES]]
    return {
        "title": list_titles(digest.day)[slug],
        "lines": [(text, settings.SITE_URL + path) for text, path in lines],
        "total": total,
        "more": total > len(lines),
        "url": f"{settings.SITE_URL}{reverse('desk')}#{slug}-title",
    }
