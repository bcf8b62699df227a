"""The digest of a user on a day: what is to be told, in blocks of at most five lines, as a plain text in the user's
language.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from core.permissions import editor_province
from core.text.formatting import format_date
from dashboard.analytics.open_work import OpenWork, list_titles
from dashboard.reminders.entries import Entry, entries_of
from dashboard.reminders.people import Person, unsubscribe_path

MAX_LINES = 5

StepKey = tuple[str, str, date]
"""Record, code and day of a step."""


class Digest(NamedTuple):
    """What one user is to be told on a day: the entries by list, and how many items the whole list of each has."""

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
    with override(person.settings.language):
        entries = [
            entry._replace(steps=[step for step in entry.steps if (entry.thing, *step) not in told])
            for entry in entries_of(lists, person, work)
        ]
    totals = {item.slug: len(item.items) for item in lists}
    return Digest(person, work.as_of, [entry for entry in entries if entry.steps], totals)


def compose(digest: Digest) -> EmailMessage:
    """Return the mail of a digest, in the user's language.

    It has the same Message-ID at each attempt, so that a mail server that took it twice can show it once.
    """
    user, language, site = digest.person.user, digest.person.settings.language, settings.SITE_URL
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
        home, n, off = editor_province(user), len(digest.entries), site + unsubscribe_path(user)
        context = {
            "blocks": blocks,
            "day": format_date(digest.day),
            "place": home.name if home else _("Ministry") if digest.person.is_ministry else "",
            "settings_url": site + reverse("reminders"),
            "off_url": off,
        }
        subject = ngettext("%(day)s: %(n)d thing to look at", "%(day)s: %(n)d things to look at", n)
        return EmailMessage(
            subject % {"day": format_date(digest.day), "n": n},
            render_to_string("reminders/digest.txt", context).strip() + "\n",
            to=[user.email],
            headers={
                "Message-ID": f"<reminder-{user.pk}-{digest.day:%Y%m%d}@{site.partition('://')[2].partition(':')[0]}>",
                "List-Unsubscribe": f"<{off}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",
                "Content-Language": language,
            },
        )
