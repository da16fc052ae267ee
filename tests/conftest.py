import os
import tempfile
from pathlib import Path

import pytest
from django.db import connections
from hypothesis import HealthCheck, settings

from controlplane.access import Role
from tests.factories import UserFactory, token_of

# Time decides no test: not one example's, and not how long the first ones take to draw.
settings.register_profile("graygate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("graygate")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A database for each run: several people, or agents of a CI, may test on one server."""
    for connection in connections.all():
        connection.settings_dict["TEST"]["NAME"] = f"test_graygate_{os.getpid()}"


@pytest.fixture(autouse=True)
def _cheap_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def _folders_of_var(tmp_path_factory):
    return tmp_path_factory.mktemp("var")


@pytest.fixture(autouse=True)
def _own_var(settings, _folders_of_var):
    """What one test leaves for the loop (the marker of `zero`) is not taken up in another."""
    settings.VAR_DIR = Path(tempfile.mkdtemp(dir=_folders_of_var))


@pytest.fixture(autouse=True, scope="session")
def _own_pepper():
    """The token pepper of the tests is not the installation's."""
    os.environ.setdefault("GRAYGATE_TOKEN_PEPPERS", "pepper-of-the-tests")


@pytest.fixture
def user(db):
    """user("approver", "ann") → a user with that role."""

    def make(role: str, name: str | None = None):
        named = {"username": name} if name else {}
        return UserFactory(role=Role(role), **named)

    return make


@pytest.fixture
def token(db):
    """token("operator") → the text of a token with everything that the role may do."""
    return token_of
