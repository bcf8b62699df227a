"""manage.py load_demo"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from pilots.demo import load_demo
from pilots.load import OtherSide
from policies.models import Shipment


class Command(BaseCommand):
    help = (
        "Load an invented programme of full size into an empty database, to try the product with. "
        "Real records are never mixed with it: a database that holds any is refused."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if Shipment.objects.is_demonstration():
            self.stdout.write("This database holds the demonstration data already; nothing was changed.")
            return
        try:
            counts = load_demo()
        except OtherSide as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write("Demonstration data, all of it invented:")
        for name, number in counts.items():
            self.stdout.write(f"  {number} {name}")
