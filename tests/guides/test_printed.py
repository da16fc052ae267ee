"""What a guide prints for others to use, beside its commands, can be used as it stands."""

import json
import re

import pytest
import yaml
from django.core.checks import run_checks

from controlplane.environment import operator_file
from rollout.executors.kubernetes.argo import pauses_of
from tests.guides.typed import ROOT

GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
ARGO = (ROOT / "docs/guides/from_argo_rollouts.md").read_text()


def _block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", ARGO, re.DOTALL | re.MULTILINE)
    return found


def test_from_argo_rollouts__operators_file__is_taken_without_a_complaint(
    settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    path = tmp_path / "operator.json"
    path.write_text(_block("json"))
    path.chmod(0o600)
    settings.OPERATOR = operator_file(str(path))
    (target,) = json.loads(_block("json"))["targets"]
    told = [each.msg for each in run_checks() if f"'{target}'" in each.msg]
    # What a pod has mounted is not here; there is nothing else to complain of.
    assert not [each for each in told if not each.endswith("cannot be read")]


def test_from_argo_rollouts__steps__are_of_the_kind_that_the_executor_drives():
    pauses = pauses_of(yaml.safe_load(_block("yaml"))["steps"])
    assert [pause.weight for pause in pauses] == [0, 20, 50, 100]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_guide__links__lead_somewhere(guide):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", guide.read_text())
    assert links
    assert not [link for link in links if not (guide.parent / link).exists()]
