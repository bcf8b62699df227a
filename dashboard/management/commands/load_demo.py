"""manage.py load_demo"""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from core.http.as_of import today
from core.seed.models import SeedRecord
from dashboard.management.demonstration import load_published_demo
from pilots.seed import MixedDataError


class Command(BaseCommand):
    help = (
        "Load an invented programme of full size into an empty database, to try the product with. "
        "Real records are never mixed with it: a database that holds any is refused."
    )

    def handle(self, *args: object, **options: object) -> None:
        if SeedRecord.objects.is_demonstration():
            self.stdout.write("This database holds the demonstration data already; nothing was changed.")
            return
        try:
            with transaction.atomic():
                counts = load_published_demo(today())
        except MixedDataError as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write("Demonstration data, all of it invented:")
        for name, number in counts.items():
            self.stdout.write(f"  {number} {name}")
