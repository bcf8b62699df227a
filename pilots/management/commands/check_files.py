"""manage.py check_files"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from pilots.documents import check_files

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
        check = check_files(with_hash=options["hash"], clean=options["clean"])
        for kind, name in check.problems:
            self.stderr.write(f"{kind}: {name}")
        numbers = {
            "documents": check.documents,
            "files": check.files,
            "of deleted documents": len(check.deleted),
            "not yet recorded": len(check.recent),
            "unfinished": len(check.unfinished),
            "missing": len(check.missing),
            "without a record": len(check.unrecorded),
            "damaged": len(check.damaged) if options["hash"] else "not checked",
        }
        for label, number in numbers.items():
            self.stdout.write(f"{label}: {number}")
        if check.problems:
            raise SystemExit(PROBLEMS_FOUND)
