"""Create an API token. Only the secret goes to standard output, for scripts to capture."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import DEFAULT_DAYS, MAX_DAYS, create_token
from core.errors import choice_error
from core.permissions import has_write_permission


class Command(BaseCommand):
    help = "Make a token with which a program acts for a user, and print it once. Exit 1: nothing was made."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--write", action="store_true", help="it may write what its owner may; without it, read")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"from 1 to {MAX_DAYS}; without it {DEFAULT_DAYS}"
        )
        parser.add_argument("--name", default="", help="what it is for, in up to 60 characters")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days {options['days']}: choose from 1 to {MAX_DAYS}.")
        username, people = options["username"], get_user_model()._default_manager
        person = people.filter(username=username).first()
        if person is None:
            problem = choice_error(username, people.filter(is_active=True).values_list("username", flat=True))
            raise CommandError(f"username: {problem}")
        if not person.is_active:
            raise CommandError(f"{person} is deactivated, and tokens with it. Activate the account first, in /admin/.")
        name = options["name"].strip() or f"Command line, {timezone.localdate():%Y-%m-%d}"
        if len(name) > 60 or not name.isprintable():
            raise CommandError("--name: use up to 60 characters, all of them visible.")
        try:
            token, secret = create_token(user=person, name=name, days=options["days"], may_write=options["write"])
        except ValidationError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(secret)
        self.stderr.write(f"{token} of {person}, good until {token.expires_at:%Y-%m-%d}. It is shown this once.")
        if token.may_write and not has_write_permission(person):
            self.stderr.write(f"{person} may write nothing yet, and so this token only reads: give {person} a role.")
