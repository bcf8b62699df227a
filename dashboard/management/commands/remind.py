"""manage.py remind: send the digests that are owed."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dashboard.reminders.send import send_digests, text_of


class Command(BaseCommand):
    help = "Sends the reminders that are owed, one digest a person a working day. Safe to run at any time, and twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", metavar="TIME", help="as if it were this local time, for example '2026-06-01 08:30'"
        )

    def handle(self, *_args: Any, at: str | None, **_options: Any) -> None:
        outcome = send_digests(moment(at) if at else timezone.now())
        self.stdout.write(text_of(outcome))
        if outcome.error:
            raise CommandError(f"The mail server failed, the rest is tried again: {outcome.error}")


def moment(text: str) -> datetime:
    """Return the local time of the option. Raises CommandError for another text."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"--at {text!r}: write a time as 'YYYY-MM-DD HH:MM'.")
    return timezone.make_aware(found) if timezone.is_naive(found) else found
