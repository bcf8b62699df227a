"""manage.py remind: send the digests that are owed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dashboard.reminders import send_digests, text_of


class Command(BaseCommand):
    help = "Sends the reminders that are owed, one digest a person a working day. Safe to run at any time, and twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at", metavar="TIME", help="as if it were this local time, for example '2026-06-01 08:30'"
        )

    def handle(self, *_args: Any, at: str | None, **_options: Any) -> None:
        now = timezone.now()
        if at:
            try:
                moment = parse_datetime(at)
            except ValueError:
                moment = None
            if moment is None:
                raise CommandError(f"--at {at!r}: write a time as 'YYYY-MM-DD HH:MM'.")
            now = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
        outcome = send_digests(now)
        self.stdout.write(text_of(outcome))
        if outcome.error:
            raise CommandError(f"The mail server failed, the rest is tried again: {outcome.error}")
        if outcome.failed:
            raise CommandError("Mails were not taken, and are tried again. The log says which, and why.")
