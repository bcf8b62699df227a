"""manage.py load_records"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from pilots.load import KINDS, OtherSide, keep_apart
from policies.load import Refused, load, summary


class Command(BaseCommand):
    help = (
        "Load the records that ship with the product. Safe to repeat: nothing that was edited or deleted here "
        "is overwritten, and when any row is bad nothing is written and every bad row is listed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keep_apart(demonstration=False)
            tallies = load(KINDS)
        except OtherSide as exc:
            raise CommandError(str(exc)) from None
        except Refused as exc:
            for complaint in exc.complaints:
                self.stderr.write(str(complaint))
            raise CommandError(f"{len(exc.complaints)} problems in the files above; nothing was written.") from None
        for line in summary(tallies):
            self.stdout.write(line)
