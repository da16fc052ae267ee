"""Print a new API token, once, to standard output."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from attribution.clock import database_now
from controlplane.access import Scope
from controlplane.tokens import TokenError, issue


class Command(BaseCommand):
    help = "Create an API token for a user. Only its text goes to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True)
        parser.add_argument("--scopes", required=True, help=f"of {', '.join(Scope)}; by commas")
        parser.add_argument("--description", default="", help="what it is for")
        parser.add_argument("--days", type=int, help="until it expires; without: it does not")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}: see create_user.")
        scopes = [each.strip() for each in options["scopes"].split(",") if each.strip()]
        expires_at = database_now() + timedelta(days=options["days"]) if options["days"] else None
        try:
            row, text = issue(user, scopes, options["description"], expires_at)
        except TokenError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(f"Token {row.key} of {user.username}; it is shown only now.")
        self.stdout.write(text)
