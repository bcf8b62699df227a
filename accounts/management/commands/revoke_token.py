"""Revoke an API token by its id or prefix."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from accounts.models import Token, revoke, token_digest


class Command(BaseCommand):
    help = "Revoke a token: from the next request on it opens nothing. Exit 1: there is no such token, or several."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token", help="what it begins with, as the lists show it (spt_abcd), or its number")

    def handle(self, *args: Any, **options: Any) -> None:
        word = options["token"]
        which = Q(prefix=word.removesuffix("…")) | Q(digest=token_digest(word))  # a leaked token is known in full
        if word.isdecimal() and len(word) < 19:
            which = Q(pk=int(word))
        tokens = list(Token.objects.filter(which, revoked_at=None).select_related("user"))
        if not tokens:
            raise CommandError(f"No token that is not revoked yet begins with “{word[:12]}” or has this number.")
        if len(tokens) > 1:
            listed = "; ".join(f"{token.pk}: {token} of {token.user}" for token in tokens)
            raise CommandError(f"Several begin so. Give the number of one. {listed}")
        revoke(tokens[0])
        self.stdout.write(f"{tokens[0]} of {tokens[0].user} is revoked.")
