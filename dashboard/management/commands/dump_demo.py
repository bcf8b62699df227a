"""manage.py dump_demo"""

from django.core.management.base import BaseCommand, CommandError

from core.seed.models import SeedRecord
from demo.load import TABLES, write_tables


class Command(BaseCommand):
    help = (
        "Write the files of the tables of the demonstration from a database that holds it: for developers, after a "
        "migration or an edit of its records."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not SeedRecord.objects.demonstration_mark():
            raise CommandError("This database does not hold the demonstration: fill an empty one by load_demo first.")
        write_tables()
        self.stdout.write(f"Written: {TABLES}")
