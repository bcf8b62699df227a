"""manage.py load_records"""

from django.core.management.base import BaseCommand, CommandError

from core.seed.loader import InvalidSeedError, load_seed, load_summary
from pilots.seed import SEED_FILES, MixedDataError, check_not_mixed


class Command(BaseCommand):
    help = (
        "Load the records that ship with the product. Safe to repeat: nothing that was edited or deleted here "
        "is overwritten, and when any row is bad nothing is written and every bad row is listed."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            check_not_mixed(demonstration=False)
            tallies = load_seed(SEED_FILES)
        except MixedDataError as exc:
            raise CommandError(str(exc)) from None
        except InvalidSeedError as exc:
            for complaint in exc.errors:
                self.stderr.write(str(complaint))
            raise CommandError(f"{len(exc.errors)} problems in the files above; nothing was written.") from None
        for line in load_summary(tallies):
            self.stdout.write(line)
