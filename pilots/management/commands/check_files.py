"""manage.py check_files"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from pilots.documents import check_files

PROBLEMS = ("missing", "without a record", "damaged")
PROBLEMS_FOUND = 1


class Command(BaseCommand):
    help = (
        "Compare the stored evidence files with their records, both ways. Exit 1: a file is missing, without a record "
        "or damaged. Nothing is changed unless --clean is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hash", action="store_true", help="read every file and compare its checksum")
        parser.add_argument(
            "--clean", action="store_true", help="delete what uploads left behind that broke off over an hour ago"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_files(with_hash=options["hash"], clean=options["clean"])
        problems = [(kind, name) for kind in PROBLEMS for name in found[kind]]
        for kind, name in problems:
            self.stderr.write(f"{kind}: {name}")
        for kind, names in found.items():
            self.stdout.write(f"{kind}: {'not checked' if kind == 'damaged' and not options['hash'] else len(names)}")
        if problems:
            raise SystemExit(PROBLEMS_FOUND)
