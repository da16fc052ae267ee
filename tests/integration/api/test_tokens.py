import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from attribution.clock import database_now
from controlplane import tokens
from controlplane.models import ApiToken
from tests.integration.api.conftest import Caller


@pytest.fixture
def peppers(monkeypatch):
    def set_to(*given):
        monkeypatch.setenv("GRAYGATE_TOKEN_PEPPERS", ",".join(given))

    return set_to


def status(text):
    return Caller(text).get("changes").status_code


def test_issue__any__has_a_form_that_scanners_find_and_keeps_no_secret(token):
    text = token("viewer")
    row = ApiToken.objects.get()

    assert re.fullmatch(r"gg_[0-9a-f]{12}\.[A-Za-z0-9_-]{43}", text)
    assert text.partition(".")[2] not in f"{row.key}{row.digest}{row.description}"


def test_issue__more_scopes_than_the_role_has__is_refused(user):
    with pytest.raises(tokens.TokenError, match="lacks: operate"):
        tokens.issue(user("viewer"), ["read", "operate"], "")


def test_issue__unknown_scope__is_refused(user):
    with pytest.raises(tokens.TokenError, match="Unknown scope fly"):
        tokens.issue(user("admin"), ["fly"], "")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: "gg_" + "0" * 12 + text[15:],
        lambda text: text.replace(".", ""),
        lambda text: text.removeprefix("gg_"),
        lambda _text: "gg_.",
        lambda text: text + "é",
    ],
)
def test_request__spoilt_token__is_unauthorized(token, spoil):
    text = token("viewer")
    assert status(text) == 200

    assert status(spoil(text)) == 401


def test_request__expired_token__is_unauthorized_and_says_so(user):
    _, text = tokens.issue(user("viewer"), ["read"], "", database_now() - timedelta(seconds=1))
    answer = Caller(text).get("changes")

    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_request__token_of_a_user_who_left__is_unauthorized(user):
    leaver = user("viewer")
    _, text = tokens.issue(leaver, ["read"], "")
    leaver.is_active = False
    leaver.save()

    assert status(text) == 401


def test_request__any__records_the_use(token):
    text = token("viewer")
    status(text)

    assert ApiToken.objects.get().last_used_at is not None


def test_peppers__rotated__old_tokens_verify_and_move_to_the_first(token, peppers):
    peppers("old-pepper")
    text = token("viewer")
    peppers("new-pepper", "old-pepper")
    assert status(text) == 200
    peppers("new-pepper")

    assert status(text) == 200


def test_peppers__retired_before_the_token_was_used__it_verifies_no_more(token, peppers):
    peppers("old-pepper")
    text = token("viewer")
    peppers("new-pepper")

    assert status(text) == 401


def test_peppers__none_given__one_is_made_once_for_the_owner_only(
    token, peppers, settings, tmp_path
):
    peppers("")
    settings.VAR_DIR = tmp_path
    text = token("viewer")
    path = tmp_path / "token-pepper"

    assert status(text) == 200
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["token-pepper"]


def test_create_token__for_a_role__prints_a_token_that_works_once(user):
    user("operator", "olga")
    out = StringIO()
    call_command("create_token", user="olga", scopes="read,operate", stdout=out, stderr=StringIO())

    assert status(out.getvalue().strip()) == 200


def test_create_token__beyond_the_role__is_an_error(user):
    user("viewer", "vic")
    with pytest.raises(CommandError, match="lacks: admin"):
        call_command("create_token", user="vic", scopes="admin", stdout=StringIO())


def test_create_user__with_a_password_from_the_environment__can_log_in(db, client, monkeypatch):
    monkeypatch.setenv("NEW_PASSWORD", "quite unguessable")
    call_command(
        "create_user", "olga", role="operator", password_env="NEW_PASSWORD", stderr=StringIO()
    )

    assert client.login(username="olga", password="quite unguessable")


def test_create_user__short_password__is_refused_and_nobody_is_made(
    db, monkeypatch, django_user_model
):
    monkeypatch.setenv("NEW_PASSWORD", "short")
    with pytest.raises(CommandError, match="too short"):
        call_command("create_user", "olga", role="operator", password_env="NEW_PASSWORD")

    assert not django_user_model.objects.exists()


def test_create_user__again__changes_the_role(user, django_user_model):
    user("admin", "olga")
    call_command("create_user", "olga", role="viewer", stderr=StringIO())

    olga = django_user_model.objects.get(username="olga")
    assert [group.name for group in olga.groups.all()] == ["viewer"]
