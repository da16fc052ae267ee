"""Artefacts that are small and would become large: read or refused, in little memory.

A reader that takes a time that grows with the square takes hours over these: that is seen too.
"""

import pytest

from attribution.judge_readings import _cohort as cohort
from controlplane.api.parsers import parse_json
from controlplane.risk.classify import classify
from controlplane.risk.hidden import revealed
from controlplane.risk.kinds import KINDS
from controlplane.stored_json import check_storable
from controlplane.web.artefact_diff import shown
from tests.hostile import ARTEFACTS, RAW
from tests.memory import MOST_MB, peak_mb

OF_DOCUMENTS = ("config", "feature_flag", "content_policy", "queue", "cache", "network")


def test_memory__of_something_large__is_seen():
    assert peak_mb(lambda: bytearray(50_000_000)) > 40
    assert peak_mb(lambda: None) < 5


@pytest.mark.parametrize("name", ARTEFACTS)
@pytest.mark.parametrize("kind", OF_DOCUMENTS)
def test_classify__artefact_that_grows__is_answered_in_little_memory(kind, name):
    path, text = ARTEFACTS[name]
    case = {"kind": kind, "artefact": text, "before": text, "path": path}
    found = []

    assert peak_mb(lambda: found.append(classify(case))) < MOST_MB
    signals = {signal["id"] for signal in found[0]["signals"]}
    assert "unparsed" in signals or name == "dotted_keys"


@pytest.mark.parametrize("name", ["empty_lines", "dashes", "lists"])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(OF_DOCUMENTS)))
def test_classify__artefact_of_another_kind__is_answered_in_little_memory(kind, name):
    path, text = ARTEFACTS[name]
    case = {"kind": kind, "artefact": text, "before": "x", "path": path}

    assert peak_mb(lambda: classify(case)) < MOST_MB


READ = {
    "body": lambda: parse_json(RAW["long_key_over_many"]),
    "artefact": lambda: check_storable({"k" * 400_000: dict.fromkeys(map(str, range(50_000)))}),
    "list": lambda: check_storable({"k" * 400_000: [0] * 150_000}),
    "secrets": lambda: revealed({"k" * 400_000: dict.fromkeys(map(str, range(50_000)))}),
    "judged": lambda: cohort({"k" * 400_000: [1] * 100_000}, "value", "/metrics/0/control"),
}


@pytest.mark.parametrize("name", READ)
def test_read__long_key_over_many_values__takes_little_memory(name):
    assert peak_mb(READ[name]) < MOST_MB


def test_shown__long_key_over_many_values__takes_little_memory():
    document = {"k" * 400_000: {str(n): n for n in range(5_000)}}
    found = []

    assert peak_mb(lambda: found.append(shown(document, document, ["/" + "k" * 300]))) < MOST_MB
    assert found[0].cut


@pytest.mark.parametrize("name", ARTEFACTS)
def test_revealed__artefact_that_grows__is_shown_in_little_memory(name):
    assert peak_mb(lambda: revealed(ARTEFACTS[name][1])) < MOST_MB
