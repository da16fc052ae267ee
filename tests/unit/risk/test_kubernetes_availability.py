import pytest

from tests.unit.risk.manifests import (
    GOOD_CONTAINER,
    deployment,
    ids,
    made,
    only,
    signals,
)

SELECTOR = {"matchLabels": {"app": "cart"}}


def scaler(low=3, high=9, target="cart"):
    return made(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        spec={
            "minReplicas": low,
            "maxReplicas": high,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        },
    )


def budget(**spec):
    return made(
        "PodDisruptionBudget",
        "policy/v1",
        spec={"selector": SELECTOR, "unhealthyPodEvictionPolicy": "AlwaysAllow"} | spec,
    )


@pytest.mark.parametrize(
    ("before", "after", "name", "severity"),
    [
        (3, 1, "single_replica", "medium"),
        (3, 2, "few_replicas", "low"),
        (6, 3, "replicas_cut", "medium"),
        (6, 0, "scaled_to_zero", "high"),
    ],
)
def test_replicas__fewer__is_graded_by_what_is_left(before, after, name, severity):
    found = only(name, deployment(spec__replicas=after), deployment(spec__replicas=before))
    assert found.severity == severity


def test_replicas__left_out_where_an_autoscaler_decides__is_fine():
    after = [deployment(spec__replicas=None), scaler()]
    assert ids(after, [deployment(), scaler()]) == set()


@pytest.mark.parametrize(
    ("low", "high", "name", "peer"),
    [
        (1, 9, "autoscaler_minimum_low", "polaris:hpaMinAvailability"),
        (2, 9, "autoscaler_minimum_two", "kube-linter:hpa-minimum-three-replicas"),
        (3, 3, "autoscaler_cannot_scale", "polaris:hpaMaxAvailability"),
    ],
)
def test_autoscaler__bounds__are_named(low, high, name, peer):
    after = [deployment(), scaler(low, high)]
    assert peer in only(name, after, [deployment(), scaler()]).aliases


def test_autoscaler__target_that_is_not_there__dangles():
    after = [deployment(), scaler(target="card")]
    assert "dangling_autoscaler" in ids(after, [deployment(), scaler()])


@pytest.mark.parametrize(
    ("spec", "name", "peer"),
    [
        ({"maxUnavailable": 0}, "disruption_never_allowed", "kube-linter:pdb-max-unavailable"),
        ({"maxUnavailable": "0%"}, "disruption_never_allowed", "polaris:pdbDisruptionsIsZero"),
        ({"minAvailable": "100%"}, "disruption_never_allowed", "kube-linter:pdb-min-available"),
        ({"minAvailable": 3}, "disruption_budget_equals_replicas",
         "kube-linter:pdb-min-available"),
        ({"minAvailable": 4}, "disruption_budget_above_replicas",
         "polaris:pdbMinAvailableGreaterThanHPAMinReplicas"),
        ({"minAvailable": "67%"}, "disruption_budget_equals_replicas",
         "kube-linter:pdb-min-available"),
    ],
)  # fmt: skip
def test_budget__that_lets_no_pod_go__is_named(spec, name, peer):
    after, before = ([deployment(), budget(**each)] for each in (spec, {"maxUnavailable": 1}))
    found = only(name, after, before)
    assert found.severity == "medium"
    assert peer in found.aliases


def test_budget__autoscaler_minimum_counts__not_the_replicas():
    after = [deployment(spec__replicas=9), scaler(low=2), budget(minAvailable=2)]
    before = [deployment(spec__replicas=9), scaler(low=3), budget(minAvailable=2)]
    assert "disruption_budget_equals_replicas" in ids(after, before)


def test_budget__from_above_to_equal__is_no_news():
    after = [deployment(), budget(minAvailable=3)]
    assert ids(after, [deployment(), budget(minAvailable=5)]) == set()


def test_budget__of_other_pods__blocks_nothing():
    other = budget(minAvailable=9, selector={"matchLabels": {"app": "till"}})
    assert ids([deployment(), other], [deployment(), budget(maxUnavailable=1)]) <= {
        "disruption_budget_missing"
    }


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        ({"type": "Recreate"}, "no_rolling_update"),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
         "rolling_update_all_at_once"),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}},
         "rolling_update_all_at_once"),
    ],
)  # fmt: skip
def test_strategy__all_pods_at_once__is_named(strategy, name):
    assert name in ids(deployment(spec__strategy=strategy), deployment())


def test_termination__no_grace__is_named():
    after = deployment(pod__terminationGracePeriodSeconds=0)
    assert "no_termination_grace" in ids(after, deployment())


def test_pod__without_a_controller__is_naked():
    pod = made("Pod", spec={"containers": [GOOD_CONTAINER]})
    assert any("no controller renews" in one.summary for one in signals(pod, ""))


def cron(**spec):
    template = {"spec": {"restartPolicy": "Never", "containers": [GOOD_CONTAINER]}}
    base = {
        "schedule": "17 3 * * *",
        "startingDeadlineSeconds": 60,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"template": template}},
    }
    return made("CronJob", "batch/v1", spec=base | spec)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"startingDeadlineSeconds": None}, "cron_without_deadline"),
        ({"concurrencyPolicy": "Allow"}, "cron_runs_overlap"),
        ({"schedule": "every day"}, "cron_schedule_invalid"),
        ({"schedule": "0 3 * * *"}, "cron_on_the_full_hour"),
    ],
)
def test_cron__changed_for_the_worse__is_named(spec, name):
    assert name in ids(cron(**spec), cron())


def test_job__that_restarts_always__is_refused():
    job = made("Job", "batch/v1", spec={"template": {"spec": {"containers": [GOOD_CONTAINER]}}})
    assert only("restart_policy_invalid", job, "").severity == "high"


def test_deployment__whose_pods_do_not_restart__is_refused():
    after = deployment(pod__restartPolicy="Never")
    assert only("restart_policy_invalid", after, deployment()).severity == "high"
