"""Prepares the demo's database: tables, one user for each role, one token for each user.

Runs as a process of its own, with the demo's environment; prints one JSON object.
"""

import json
import secrets
import sys

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0, stdout=sys.stderr)
    print(json.dumps(make_users()))


def make_users() -> dict[str, dict[str, str]]:
    # Models exist only after django.setup().
    from django.contrib.auth.models import User  # noqa: PLC0415

    from controlplane import tokens  # noqa: PLC0415
    from controlplane.access import Role, give_role, scopes_of_role  # noqa: PLC0415

    made = {}
    for role in Role:
        password = secrets.token_urlsafe(9)
        user = User.objects.create_user(f"demo-{role}", password=password)
        give_role(user, role)
        _, token = tokens.issue(user, scopes_of_role(role), "the demo's story")
        made[str(role)] = {"user": user.get_username(), "password": password, "token": token}
    return made


if __name__ == "__main__":
    main()
