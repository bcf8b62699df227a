"""Remove the second factor of an account, for who lost it: the next sign-in sets up a new one."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.second_factor import remove_second_factor
from core.http.request_log import security_log


class Command(BaseCommand):
    help = (
        "Remove the second factor of an account whose owner lost it, also of the only administrator. The account is "
        "signed out everywhere, and sets up a new factor at the next sign-in. Exit 1: nothing was removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        people: Any = get_user_model()._default_manager
        person = people.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is no user “{options['username']}”.")
        with transaction.atomic():
            if not remove_second_factor(person):
                raise CommandError(f"{person} has no second factor.")
            LogEntry.objects.log_actions(
                user_id=person.pk,
                queryset=people.filter(pk=person.pk),
                action_flag=CHANGE,
                change_message="Removed the second factor, from the command line.",
                single_object=True,
            )
        security_log.warning("second factor removed", extra={"user": person.pk, "by": None})
        self.stdout.write(f"{person} has no second factor any more, and is signed out everywhere.")
