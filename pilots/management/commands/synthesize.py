"""manage.py synthesize"""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from pilots.demo.load import generate, size_for_scale
from pilots.seed import MixedDataError

SCALES = (1, 10, 100)


class Command(BaseCommand):
    help = (
        "Invent a programme of 1, 10 or 100 times the national size of 125 pilots and about 12,000 readings, "
        "in an empty database, to measure the product with. Like what load_demo loads, it is marked as invented "
        "and never mixed with real records."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", type=int, choices=SCALES, required=True, help="Times the national size.")
        parser.add_argument(
            "--as-of", type=date.fromisoformat, metavar="DAY", help="The day it is made for, 2026-01-31; else today."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = generate(size_for_scale(options["scale"]), options["as_of"], self.report)
        except (MixedDataError, ValueError) as exc:
            raise CommandError(str(exc)) from None
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # what the database knows of its tables is of when they were empty
        self.stdout.write("Demonstration data, all of it invented:")
        for name, number in counts.items():
            self.stdout.write(f"  {number} {name}")

    def report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
