"""compose.yaml as far as it can be checked without a container engine."""

import re
import subprocess

import pytest
import yaml

from tests.integration.deploy.conftest import DEPLOY, OF_OTHERS, ROOT
from tests.parts import need

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = ("migrate", "web", "worker", "beat")
# Of the compose specification, what this file uses.
KEYS = {
    "image",
    "build",
    "command",
    "depends_on",
    "deploy",
    "env_file",
    "environment",
    "healthcheck",
}
KEYS |= {"networks", "ports", "volumes", "secrets", "restart", "read_only", "tmpfs", "cap_drop"}
KEYS |= {"security_opt", "stop_grace_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
EXAMPLE = DEPLOY / "graygate.env.example"


def variables(path):
    return set(re.findall(r"^([A-Z_]+)=", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_service__any__uses_known_keys_and_declared_things(service):
    one = COMPOSE["services"][service]
    assert set(one) <= KEYS
    assert set(one["networks"]) <= set(COMPOSE["networks"])
    assert set(one.get("secrets", [])) <= set(COMPOSE["secrets"])
    for volume in one.get("volumes", []):
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (DEPLOY / source).exists()


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_depends_on__any__names_a_service_that_can_meet_the_condition(service):
    for name, wanted in COMPOSE["services"][service].get("depends_on", {}).items():
        assert wanted["condition"] in CONDITIONS
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in COMPOSE["services"][name]


@pytest.mark.parametrize("service", OURS)
def test_own_service__any__runs_a_command_that_is_there_confined(service):
    one = COMPOSE["services"][service]
    assert (ROOT / ".venv" / "bin" / one["command"][0]).exists()
    assert one["read_only"]
    assert one["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("service", OURS)
def test_own_service__any__sets_variables_that_are_read(service, known_variables):
    assert set(COMPOSE["services"][service]["environment"]) <= known_variables


def test_env_example__any__sets_variables_that_are_read(known_variables):
    assert variables(EXAMPLE) <= known_variables
    assert variables(EXAMPLE) >= OF_OTHERS


def test_front__its_configuration__is_valid():
    command = [need("haproxy", "haproxy"), "-c", "-f", DEPLOY / "front.cfg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_dockerfile__what_it_copies__exists_and_runs_as_no_root():
    text = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE)
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert re.search(r"^USER (?!root|0\b)", text, re.MULTILINE)


def test_dockerfile__its_variables__are_read(known_variables):
    named = set(re.findall(r"GRAYGATE_[A-Z_]+", (DEPLOY / "Dockerfile").read_text()))
    assert named <= known_variables
