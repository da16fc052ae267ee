"""The client as a job runs it: a bare interpreter against a live Graygate."""

import json
import signal

import pytest

from attribution.models import Exposure
from controlplane.models import ApiToken, Change, Policy, QualityCheck
from tests.integration.identity.issuer import BEARER

pytestmark = pytest.mark.django_db(transaction=True)
STAGES = [{"share": 1, "min_s": 0}]
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "acme/cart",
    "GITHUB_RUN_ID": "17",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "deploy",
    "GITHUB_OUTPUT": "outputs",
    "GITHUB_STEP_SUMMARY": "summary.md",
}


def test_submit__allowed__exits_0_with_one_json_and_githubs_outputs(job, cart, body):
    done = job.run("submit", job.write("change.json", body), "--wait", "--timeout=60", **GITHUB)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["decision"] == "allowed"
    assert f"change={answer['change']}\n" in job.read("outputs")
    assert job.read("summary.md").startswith("### Graygate: allowed, risk low")


def test_submit__needs_approval__exits_2_and_annotates_the_file(job, cart, risky):
    risky["source"] = {"path": "deploy/cart.yaml"}
    done = job.run("submit", job.write("c.json", risky), "--wait", "--timeout=3", **GITHUB)
    assert done.returncode == 2, done.stderr
    assert "::error title=Graygate needs_approval::" in done.stderr
    assert "file=deploy/cart.yaml" in done.stderr


def test_submit__not_completed_in_time__exits_4(job, cart, body):
    name = job.write("change.json", body)
    assert job.run("submit", name, "--wait", "--until=completed", "--timeout=3").returncode == 4


@pytest.fixture
def _rejecting():
    Policy.objects.create(name="no", spec={"when": {}, "then": {"reject": True, "stages": STAGES}})


@pytest.mark.usefixtures("_rejecting")
@pytest.mark.parametrize("waiting", [["--wait"], []])
def test_submit__rejected__exits_3(job, cart, body, waiting):
    assert job.run("submit", job.write("change.json", body), *waiting).returncode == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"title": "x", "kind": "deployment"}', "/kind"), ("{", "is not JSON"), ("[]", "HTTP 4")],
)
def test_submit__wrong_file__exits_1_and_says_where(job, cart, content, said):
    done = job.run("submit", job.write("change.json", content), "--wait")
    assert done.returncode == 1
    assert said in done.stderr


def test_submit__revoked_token__exits_1_and_does_not_tell_it(job, cart, body, pipeline):
    ApiToken.objects.all().delete()
    done = job.run("submit", job.write("change.json", body), "--on-unreachable=allow")
    assert done.returncode == 1
    assert pipeline not in done.stdout + done.stderr


def test_submit__killed_between_request_and_answer_and_run_again__is_one_change(
    job, cart, body, slow_way
):
    url, given = slow_way
    arguments = ("submit", job.write("change.json", body), "--wait", "--timeout=60")
    first = job.start(*arguments, **GITHUB, GRAYGATE_URL=url)
    assert given.wait(60)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = GITHUB | {"GITHUB_RUN_ATTEMPT": "2", "GRAYGATE_URL": url}
    done = job.run(*arguments, **again)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["change"] == str(Change.objects.get().pk)


GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_ID": "5", "CI_PIPELINE_ID": "9"}


@pytest.mark.parametrize(
    ("first", "second", "changes"),
    [
        (GITHUB, GITHUB | {"GITHUB_RUN_ATTEMPT": "2"}, 1),
        (GITHUB, GITHUB | {"GITHUB_RUN_ID": "18"}, 2),
        (GITHUB, GITHUB | {"GITHUB_JOB": "other"}, 2),
        (GITLAB | {"CI_JOB_NAME": "a"}, GITLAB | {"CI_JOB_NAME": "a", "CI_JOB_ID": "2"}, 1),
        (GITLAB | {"CI_JOB_NAME": "a"}, GITLAB | {"CI_JOB_NAME": "b"}, 2),
        ({"GRAYGATE_RUN": "b-1"}, {"GRAYGATE_RUN": "b-1"}, 1),
        ({}, {}, 2),
    ],
)
def test_submit__run_again__is_one_change_for_one_run_of_one_job(
    job, cart, body, first, second, changes
):
    name = job.write("change.json", body)
    assert [job.run("submit", name, **run).returncode for run in (first, second)] == [0, 0]
    assert Change.objects.count() == changes


def test_wait__on_a_change_that_is_in__tells_its_decision(job, cart, body):
    name = job.write("change.json", body)
    change = json.loads(job.run("submit", name).stdout)["change"]
    done = job.run("wait", change, "--timeout=60", "--format=text")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("allowed (risk low)")


def test_classify__files__are_told_by_path_and_line_and_nothing_is_stored(job, cart):
    sql = job.write("1.sql", "select 1;\nALTER TABLE a DROP COLUMN b;\n")
    yaml = job.write("a.yaml", "a: 1\n")
    options = ("--codequality=cq.json", "--fail-on=high")
    done = job.run("classify", sql, yaml, *options, **GITHUB)
    assert done.returncode == 3, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["id"], first["kind"], second["id"]) == ("1.sql", "sql_migration", "a.yaml")
    assert "::error file=1.sql,line=2,title=Graygate column_dropped::" in done.stderr
    found = {one["check_name"]: one for one in json.loads(job.read("cq.json"))}
    assert found["column_dropped"]["location"] == {"path": "1.sql", "lines": {"begin": 2}}
    assert found["column_dropped"]["severity"] == "major"
    assert job.read("summary.md").startswith("### 1\\.sql\\: high risk")
    assert not Change.objects.exists()
    assert job.run("classify", sql, "--fail-on=critical").returncode == 0


def test_check__result__is_told_and_the_change_goes_on(job, cart, body, user):
    checks = [{"name": "scan", "by": ["pipeline"]}]
    then = {"control_level": "L1", "approvals": 0, "stages": STAGES, "checks": checks}
    Policy.objects.create(name="p", spec={"when": {}, "then": then})
    change = json.loads(job.run("submit", job.write("change.json", body)).stdout)["change"]
    done = job.run("check", change, "--name=scan", "--failed", "--detail=3 tests")
    assert done.returncode == 0, done.stderr
    assert "scan: failed" in done.stderr
    assert job.run("check", change, "--name=scan", "--passed").returncode == 0
    assert [row.passed for row in QualityCheck.objects.all()] == [False, True]
    assert job.run("check", change, "--name=other", "--passed").returncode == 1


def test_event__deployment_by_others__exposes_the_service_once_a_run(job, cart):
    arguments = ("event", "--service=cart", "--version=shop/cart:1.4.1")
    first, second = (job.run(*arguments, **GITHUB) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert [json.loads(one.stdout)["accepted"] for one in (first, second)] == [1, 0]
    (exposure,) = Exposure.objects.all()
    assert (exposure.service.name, exposure.managed) == ("cart", False)


def test_dotenv__decision__is_variables_of_the_next_job(job, cart, body):
    done = job.run("submit", job.write("change.json", body), "--dotenv=graygate.env")
    lines = dict(line.split("=", 1) for line in job.read("graygate.env").splitlines())
    assert lines["GRAYGATE_CHANGE"] == json.loads(done.stdout)["change"]
    assert lines["GRAYGATE_DECISION"] == "allowed"
    assert lines["GRAYGATE_CHANGE"] in lines["GRAYGATE_CHANGE_URL"]


def test_dotenv__next_job__still_knows_where_graygate_is(job, cart, body):
    job.run("submit", job.write("change.json", body), "--dotenv=graygate.env")
    lines = dict(line.split("=", 1) for line in job.read("graygate.env").splitlines())
    done = job.run("wait", lines["GRAYGATE_CHANGE"], **lines)
    assert done.returncode == 0, done.stderr


# --- without any secret


@pytest.fixture
def vouched(job, trusted):
    """A job without a token, in a CI that says who it is."""
    job.environment.pop("GRAYGATE_TOKEN")
    job.environment["GRAYGATE_AUDIENCE"] = "https://graygate.example"
    return trusted()


def test_submit__on_github_without_a_token__is_by_the_repository(job, vouched, cart, body):
    runner = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{vouched.url}/job-token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
    }
    done = job.run("submit", job.write("c.json", body), "--wait", **GITHUB, **runner)
    assert done.returncode == 0, done.stderr
    assert Change.objects.get().author == "github:acme/cart"
    assert vouched.audiences == ["https://graygate.example"]
    assert "gg_" not in done.stdout + done.stderr


def test_submit__on_gitlab_without_a_token__is_by_the_project(job, vouched, cart, body):
    done = job.run("submit", job.write("c.json", body), GRAYGATE_ID_TOKEN=vouched.sign())
    assert done.returncode == 0, done.stderr
    assert Change.objects.get().author == "github:acme/cart"


def test_submit__identity_not_trusted__exits_1_also_where_unreachable_is_allowed(
    job, vouched, cart, body
):
    token = vouched.sign(ref="refs/heads/other")
    name = job.write("c.json", body)
    done = job.run("submit", name, "--on-unreachable=allow", GRAYGATE_ID_TOKEN=token)
    assert done.returncode == 1
    assert "not accepted" in done.stderr
    assert token not in done.stdout + done.stderr
    assert not Change.objects.exists()


def test_submit__neither_token_nor_identity__says_what_to_set(job, vouched, body):
    done = job.run("submit", job.write("c.json", body))
    assert done.returncode == 1
    assert "id-token: write" in done.stderr


def test_classify__one_file_that_is_refused__is_named(job, db):
    done = job.run("classify", job.write("a.yaml", "a: 1"), "--kind=fly")
    assert done.returncode == 1
    assert done.stderr.startswith("a.yaml: HTTP 422")


def test_classify__before_of_several_files__is_wrong_usage(job, db):
    files = [job.write(name, "a: 1") for name in ("a.yaml", "b.yaml")]
    assert job.run("classify", *files, "--before=a.yaml").returncode == 1
