"""manage.py load_demo"""

from django.core.management.base import BaseCommand, CommandError

from core.seed.models import SeedRecord
from pilots.demo.load import load_demo
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
            counts = load_demo()
        except MixedDataError as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write("Demonstration data, all of it invented:")
        for name, number in counts.items():
            self.stdout.write(f"  {number} {name}")
