import json
import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User

from controlplane.access import Role, give_role
from controlplane.models import Change
from controlplane.tokens import issue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(db):
    user = User.objects.create_user("pipeline")
    give_role(user, Role.SUBMITTER)
    _, text = issue(user, ["read", "submit"], "ci")
    return text


@pytest.fixture
def run(live_server, token, tmp_path):
    def run(change, *options, url=live_server.url):
        path = tmp_path / "change.json"
        path.write_text(change if isinstance(change, str) else json.dumps(change))
        return subprocess.run(
            [sys.executable, "manage.py", "submit", str(path), "--url", url, *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "GRAYGATE_TOKEN": token,
                "GITHUB_OUTPUT": str(tmp_path / "outputs"),
                # No database is there: the command must not need one.
                "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            },
        )

    return run


def test_submit__allowed__exits_0_with_one_json_and_outputs(run, cart, body, tmp_path):
    done = run(body, "--wait", "--timeout", "20")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["decision"] == "allowed"
    assert Change.objects.get().author == "pipeline"
    assert f"change={answer['change']}\n" in (tmp_path / "outputs").read_text()


def test_submit__needs_approval_until_the_time_is_up__exits_2(run, cart, risky):
    assert run(risky, "--wait", "--timeout", "3").returncode == 2


def test_submit__not_completed_in_time__exits_4(run, cart, body):
    assert run(body, "--wait", "--until=completed", "--timeout", "3").returncode == 4


def test_submit__same_key_again__is_one_change(run, cart, body):
    first, second = (run(body, "--idempotency-key", "build-7") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert Change.objects.count() == 1


def test_submit__wrong_field__exits_1_and_points_at_it(run, cart, body):
    done = run(body | {"kind": "deployment"})
    assert done.returncode == 1
    assert "/kind" in done.stderr


def test_submit__no_json__exits_1(run):
    assert run("{").returncode == 1


@pytest.mark.parametrize(("policy", "code"), [("block", 1), ("allow", 0)])
def test_submit__graygate_unreachable__does_as_it_was_told(run, body, policy, code):
    done = run(
        body, "--wait", "--timeout", "1", "--on-unreachable", policy, url="http://127.0.0.1:9"
    )
    assert done.returncode == code
    assert json.loads(done.stdout)["decision"] is None
