"""Remove the second factor of an account, for who lost it: the next sign-in sets up a new one."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.sign_in import remove_second_factor


class Command(BaseCommand):
    help = (
        "Remove the second factor of an account whose owner lost it, also of the only administrator. The account is "
        "signed out everywhere, and sets up a new factor at the next sign-in. Exit 1: nothing was removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        person = get_user_model()._default_manager.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is no user “{options['username']}”.")
        if not remove_second_factor(person, "Removed the second factor, from the command line."):
            raise CommandError(f"{person} has no second factor.")
        self.stdout.write(f"{person} has no second factor any more, and is signed out everywhere.")
