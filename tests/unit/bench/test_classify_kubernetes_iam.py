from bench.classify_kubernetes_iam import iam, kubernetes

BASE = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
GOOD = BASE | {"spec": {"hostPID": False}}
BAD = BASE | {"spec": {"hostPID": True}}


def pair(name, before, after, **expect):
    kind = "kubernetes_manifest"
    return {"id": name, "kind": kind, "before": before, "artefact": after, "expect": expect}


def test_kubernetes__finding_named_and_fix_quiet__nothing_missed():
    found = kubernetes(
        [
            pair("a", GOOD, BAD, finding="hostPIDSet", min_level="high"),
            pair("a:reversed", BAD, GOOD, not_finding="hostPIDSet", max_level="medium"),
        ]
    )
    assert found["danger"] == {"cases": 1, "recall": 1.0, "missed": []}
    assert found["fix_above_break"] == found["fix_keeps_finding"] == []


def test_kubernetes__finding_not_named__is_missed():
    found = kubernetes([pair("a", GOOD, GOOD, finding="hostPIDSet", min_level="high")])
    assert found["danger"] == {"cases": 1, "recall": 0.0, "missed": ["a"]}
    assert found["danger_rated_too_low"] == ["a"]


def test_kubernetes__fix_rated_above_what_it_repairs__is_told():
    cases = [pair("a", GOOD, GOOD, finding="x"), pair("a:reversed", GOOD, BAD, not_finding="y")]
    assert kubernetes(cases)["fix_above_break"] == ["a:reversed"]


def test_iam__each_finding_counts():
    case = {
        "id": "a",
        "kind": "iam_policy",
        "artefact": "{",
        "expect": {"findings": ["MALFORMED_JSON", "NO_VERSION"]},
    }
    assert iam([case])["findings"] == {"cases": 2, "recall": 0.5, "missed": ["a NO_VERSION"]}
