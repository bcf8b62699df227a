"""manage.py load_demo"""

from django.core.management.base import BaseCommand, CommandError

from core.seed.models import SeedRecord
from dashboard.models import Edition
from demo.load import load_demo
from pilots.models import FollowUp, Pilot, Practice, Reading, Target
from pilots.seed import MixedDataError
from policies.models import Policy, ProvincialPlan


class Command(BaseCommand):
    help = (
        "Load an invented programme of full size into an empty database, to try the product with. "
        "Real records are never mixed with it: a database that holds any is refused."
    )

    def handle(self, *args: object, **options: object) -> None:
        if SeedRecord.objects.demonstration_mark():
            self.stdout.write("This database holds the demonstration data already; nothing was changed.")
            return
        try:
            load_demo()
        except MixedDataError as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write("Demonstration data, all of it invented:")
        for model in (Policy, ProvincialPlan, Pilot, Target, Reading, FollowUp, Practice, Edition):
            self.stdout.write(f"  {model._default_manager.count()} {model._meta.verbose_name_plural}")
