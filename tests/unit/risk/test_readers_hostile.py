"""A reader answers whatever stands where its schema wants something else."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.risk.iam.reader import read as read_policy
from controlplane.risk.kubernetes.reader import read as read_manifests
from controlplane.risk.signals import Source
from tests.unit.risk.manifests import deployment, made

RBAC = "rbac.authorization.k8s.io/v1"
SELECTOR = {"matchLabels": {"app": "cart"}, "matchExpressions": [{"key": "a", "operator": "In"}]}
MANIFESTS = [
    deployment(
        pod__volumes=[{"name": "a", "hostPath": {"path": "/etc"}}],
        container__env=[{"name": "A", "value": "1"}],
        spec__strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    ),
    made("Service", spec={"selector": {"app": "cart"}, "ports": [{"port": 80, "targetPort": 1}]}),
    made("Ingress", spec={"rules": [{"host": "a", "http": {"paths": [{"backend": {}}]}}]}),
    made("NetworkPolicy", spec={"podSelector": SELECTOR, "ingress": [{"from": [{}]}]}),
    made("PodDisruptionBudget", spec={"selector": SELECTOR, "minAvailable": "50%"}),
    made("HorizontalPodAutoscaler", spec={"scaleTargetRef": {"name": "cart"}, "maxReplicas": 3}),
    made("ClusterRole", RBAC, rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    made("ClusterRoleBinding", RBAC, roleRef={"kind": "ClusterRole", "name": "cart"},
         subjects=[{"kind": "User", "name": "a"}]),
    made("ConfigMap", data={"a": "1"}),
    made("CronJob", "batch/v1", spec={"schedule": "1 1 * * *"}),
]  # fmt: skip
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "A",
            "Effect": "Allow",
            "Principal": {"AWS": ["123456789012"]},
            "Action": ["s3:GetObject", "s3:Put*"],
            "Resource": ["arn:aws:s3:::invoices/*"],
            "Condition": {"StringEquals": {"s3:prefix": ["a"]}},
        },
        {"Effect": "Deny", "Action": "iam:*", "Resource": "*"},
    ],
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("*"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def replaced(value, path, new):
    """A copy in which what stands at `path` is `new`."""
    value = copy.deepcopy(value)
    target = value
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = new
    return value


@pytest.mark.parametrize(
    ("read", "good"),
    [(read_manifests, MANIFESTS), (read_policy, POLICY)],
    ids=["kubernetes", "iam"],
)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_reader__anything_anywhere__answers_with_what_json_can_carry(read, good, data):
    path = data.draw(st.sampled_from([each for each in places(good) if each]))
    broken = replaced(good, path, data.draw(anything))
    for artefact, before in ((broken, good), (good, broken)):
        found = read(Source(artefact, before, "", {}))
        assert json.dumps([one.as_dict() for one in found])
