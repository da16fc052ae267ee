"""Make a user with a role, or give an existing one another role or password."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from controlplane.access import Role, give_role

# As wide as the columns that keep who did what.
LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Create a user, or change one's role and password. A password never is an argument."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", required=True, choices=[role.value for role in Role])
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--password-stdin", action="store_true", help="first line of standard input"
        )
        source.add_argument("--password-env", metavar="VARIABLE", help="from the environment")

    def handle(self, *_args: Any, **options: Any) -> None:
        password = _password(options)
        user = User.objects.filter(username=options["name"]).first()
        created = user is None
        if created:
            _check_name(options["name"])
        user = user or User(username=options["name"])
        if password is not None:
            _check(password, user)
            user.set_password(password)
        elif created:
            user.set_unusable_password()  # for machines: they come with a token
        user.save()
        give_role(user, Role(options["role"]))
        done = "created" if created else "updated"
        self.stderr.write(f"User {user.username} {done}, role {options['role']}.")


def _password(options: dict[str, Any]) -> str | None:
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n")
    if variable := options["password_env"]:
        if variable not in os.environ:
            raise CommandError(f"The environment has no variable {variable}.")
        return os.environ[variable]
    return None


def _check_name(name: str) -> None:
    """One name a person: two that differ by case only could approve each other's changes."""
    try:
        User.username_validator(name)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if len(name) > LONGEST_NAME:
        raise CommandError(f"A name has at most {LONGEST_NAME} letters.")
    if other := User.objects.filter(username__iexact=name).first():
        raise CommandError(f"There is {other.username} already, the same but for its case.")


def _check(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
