"""docs/ci.md: what it shows can be used as it stands."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.conf import settings as installed
from django.core.checks import run_checks

from controlplane.client.graygate import COMMANDS, parser_of
from controlplane.environment import operator_file

GUIDE = Path(installed.BASE_DIR, "docs", "ci.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def test_guide__operators_file__is_taken_without_a_complaint(settings, tmp_path):
    (block,) = blocks("json")
    path = tmp_path / "operator.json"
    path.write_text(block)
    settings.OPERATOR = operator_file(str(path))
    assert len(settings.OPERATOR.identity_providers) == len(json.loads(block)["identity_providers"])
    assert not [each for each in run_checks() if each.id in ("graygate.E001", "graygate.E030")]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_guide__workflow__is_yaml_whose_commands_the_client_knows(block):
    assert isinstance(yaml.safe_load(block), dict)
    commands = re.findall(r"python3 graygate\.py (.*)", block)
    assert commands
    for command in commands:
        assert parser_of({}).parse_args(shlex.split(command)).command in ("submit", "classify")


def test_guide__commands__are_those_of_the_client():
    shown = set(re.findall(r"^\| `(submit|wait|classify|check|event) .*`", GUIDE, re.MULTILINE))
    assert shown == set(COMMANDS)
