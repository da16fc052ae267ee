import pytest

from controlplane.risk.signals import rank
from tests.unit.risk.manifests import deployment, ids, made, only, signals, text


@pytest.mark.parametrize(
    ("target", "name", "severity"),
    [
        ("1.25", "removed_api", "critical"),
        ("v1.31.2-gke.100", "removed_api", "critical"),
        ("1.24", "deprecated_api", "medium"),
        (None, "removed_api_version_unknown", "high"),
    ],
)
def test_api__removed__depends_on_the_cluster(target, name, severity):
    after = made("CronJob", "batch/v1beta1", spec={})
    context = {"server_version": target} if target else {}
    assert only(name, after, "", **context).severity == severity


def test_api__of_extensions__has_the_peers_name():
    after = made("Ingress", "extensions/v1beta1", spec={})
    found = only("removed_api", after, "", server_version="1.30")
    assert "kube-linter:no-extensions-v1beta" in found.aliases
    assert "networking.k8s.io/v1" in found.summary


def test_api__moved_to_the_version_that_is_served__is_the_same_object():
    old, new = (made("PodDisruptionBudget", f"policy/{each}", spec={"maxUnavailable": 1})
                for each in ("v1beta1", "v1"))  # fmt: skip
    assert ids(new, old, server_version="1.30") == set()


def test_selector__of_a_deployment__cannot_be_changed():
    after = deployment(spec__selector={"matchLabels": {"app": "x"}}, labels__app="x")
    assert "spec.selector" in only("immutable_field_changed", after, deployment()).summary


def test_selector__that_misses_its_own_pods__is_refused():
    found = only("selector_mismatch", deployment(labels__app="x"), deployment())
    assert "kube-linter:mismatching-selector" in found.aliases


def claim(size="10Gi", **spec):
    requests = {"resources": {"requests": {"storage": size}}}
    return made("PersistentVolumeClaim", spec=requests | spec)


def test_claim__smaller__is_refused():
    assert only("volume_shrunk", claim("5Gi"), claim()).severity == "high"


def test_claim__larger__is_fine():
    assert ids(claim("20Gi"), claim()) == set()


def test_claim__other_storage_class__is_refused():
    found = ids(claim(storageClassName="fast"), claim(storageClassName="slow"))
    assert "immutable_field_changed" in found


@pytest.mark.parametrize(
    ("gone", "name", "severity", "reversibility"),
    [
        (claim(), "stateful_object_removed", "critical", "irreversible"),
        (made("Namespace"), "stateful_object_removed", "critical", "irreversible"),
        (made("Postgresql", "acid.zalan.do/v1"), "stateful_object_removed", "critical",
         "irreversible"),
        (made("Service", spec={}), "serving_object_removed", "high", "reversible"),
        (deployment(metadata__name="till"), "serving_object_removed", "high", "reversible"),
        (made("NetworkPolicy", "networking.k8s.io/v1", spec={}), "protection_removed", "high",
         "reversible"),
        (made("PodDisruptionBudget", "policy/v1", spec={}), "guard_removed", "medium",
         "reversible"),
    ],
)  # fmt: skip
def test_removed__object__is_graded_by_what_goes_with_it(gone, name, severity, reversibility):
    found = only(name, [deployment()], [deployment(), gone])
    assert (found.severity, found.reversibility) == (severity, reversibility)


def test_removed__configmap__is_no_signal():
    assert ids([deployment()], [deployment(), made("ConfigMap", data={"a": "1"})]) == set()


def test_renamed__deployment__is_told_and_compared_with_what_it_was():
    found = ids(deployment(metadata__name="cart-2", pod__hostIPC=True), deployment())
    assert {"object_renamed", "host_ipc"} <= found


def test_renamed__configmap_of_a_generator__is_the_same_one():
    old, new = (made("ConfigMap", name=f"cart-{each}", data={"a": "1"}) for each in ("x1", "y2"))
    assert ids(new, old) == set()


def test_limits__cut_to_half__is_named():
    after = deployment(container__resources__limits={"cpu": "1", "memory": "256Mi"})
    assert "memory" in only("resource_limit_cut", after, deployment()).summary


def test_definition__version_no_longer_served__is_high():
    old, new = (
        made("CustomResourceDefinition", "apiextensions.k8s.io/v1",
             spec={"versions": [{"name": each, "served": True} for each in names]})
        for names in (("v1", "v2"), ("v2",))
    )  # fmt: skip
    assert "v1" in only("crd_version_removed", new, old).summary


def test_webhook__that_refuses_everything_while_it_is_down__is_high():
    hook = made(
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        webhooks=[{"name": "a.example", "failurePolicy": "Fail"}],
    )
    assert only("webhook_blocks_cluster", hook, "").severity == "high"


def test_account__that_is_not_among_those_brought__is_named():
    after = [deployment(pod__serviceAccountName="cart"), made("ServiceAccount", name="till")]
    assert "service_account_not_found" in ids(after, "")


@pytest.mark.parametrize(
    "reference",
    [
        {"pod__volumes": [{"name": "a", "configMap": {"name": "old"}}]},
        {"container__envFrom": [{"configMapRef": {"name": "old"}}]},
        {"container__env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "old"}}}]},
    ],
)
def test_configuration__renamed_under_the_pod_that_reads_it__is_high(reference):
    pod = deployment(**reference)
    before = [pod, made("ConfigMap", name="old", data={"a": "1"})]
    after = [pod, made("ConfigMap", name="new", data={"a": "1"})]
    assert only("configuration_not_found", after, before).severity == "high"
    assert "configuration_not_found" not in ids(before, after)


def test_configuration__optional__is_not_missed():
    optional = {"name": "a", "configMap": {"name": "old", "optional": True}}
    after = [deployment(pod__volumes=[optional]), made("ConfigMap", name="new")]
    assert "configuration_not_found" not in ids(after, "")


def test_list__its_items__are_the_objects():
    listed = {"apiVersion": "v1", "kind": "List", "items": [deployment(pod__hostPID=True)]}
    found = only("host_pid", listed, deployment())
    assert found.where == "/items/0/spec/template/spec/hostPID"


def test_before__not_given__is_said_and_flags_nothing():
    assert only("no_before", deployment()).severity == "low"


def test_before__empty__means_that_there_was_nothing():
    assert "no_before" not in ids(deployment(), "")


def test_configuration__in_an_environment__is_compared():
    old, new = (deployment(container__env=[{"name": "POOL_SIZE", "value": each}])
                for each in ("50", "5000"))  # fmt: skip
    assert "magnitude" in ids(new, old)


def test_configuration__in_a_file_of_a_configmap__is_compared():
    old, new = (made("ConfigMap", data={"app.properties": f"a=1\npool.size={each}\n"})
                for each in ("50", "5000"))  # fmt: skip
    assert "magnitude" in ids(new, old)


HOSTILE = {
    "deep list": "[" * 100_000,
    "deep mapping": "".join(f"{' ' * level}a:\n" for level in range(1_000)),
    "deep json": '{"a":' * 1_000 + "1" + "}" * 1_000,
    "ten megabytes": "a: b\n" * 2_000_000,
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    ),
    "alias of itself": "a: &a [*a]",
    "many objects": "---\nkind: Service\n" * 3_000,
    "utf-16": text(deployment()).encode("utf-16").decode("latin-1"),
    "surrogate": "\ud800: 1",
    "tag": "!!python/object/apply:os.system [ls]",
    "template": "{{ if .Values.on }}\nkind: Pod\n{{ end }}\n",
    "no kind": "a: 1",
    "text": "hello",
}


@pytest.mark.parametrize("artefact", HOSTILE.values(), ids=HOSTILE)
def test_artefact__hostile_or_no_manifest__is_unparsed(artefact):
    assert "unparsed" in ids(artefact, text(deployment()))


@pytest.mark.parametrize("artefact", HOSTILE.values(), ids=HOSTILE)
def test_before__hostile_or_no_manifest__is_unparsed(artefact):
    assert "unparsed" in ids(text(deployment()), artefact)


def test_artefact__byte_order_mark__is_skipped():
    assert ids("\ufeff" + text(deployment()), text(deployment())) == set()


def test_artefact__second_document_broken__the_first_is_read_and_the_rest_unparsed():
    broken = text(deployment(pod__hostPID=True)) + "---\na: [\n"
    assert {"host_pid", "unparsed"} <= ids(broken, text(deployment()))


def test_yaml__merge_key__gives_what_the_mapping_does_not_say():
    shared = "spec: &s {hostPID: true, hostIPC: true, containers: []}\n"
    after = f"kind: Pod\n{shared}---\nkind: Pod\nspec:\n  hostPID: false\n"
    assert "host_pid" in ids(after, "")
    merged = "kind: Pod\nx: &x {hostPID: true, hostIPC: true}\nspec: {<<: *x, hostPID: false}\n"
    found = ids(merged, "")
    assert "host_ipc" in found
    assert "host_pid" not in found


def test_selectors__more_pairs_than_can_be_compared__is_unparsed():
    budgets = [made("PodDisruptionBudget", "policy/v1", f"b{n}",
                    spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "cart"}}})
               for n in range(900)]  # fmt: skip
    pods = [deployment(metadata__name=f"d{n}") for n in range(900)]
    assert "unparsed" in ids(budgets + pods, "")


def test_signals__hundreds_of_objects__stay_few_enough_to_read():
    after = [deployment(metadata__name=f"d{n}", pod__hostPID=True) for n in range(300)]
    found = signals(after, "")
    assert len(found) <= 201
    assert "many_findings" in {one.id for one in found}


def test_signals__nothing_lost_in_a_fix__no_level_above_low():
    broken = deployment(
        pod__hostNetwork=True,
        container__image="shop/cart",
        container__securityContext=None,
        container__readinessProbe=None,
        spec__replicas=1,
    )
    assert all(rank(one.severity) < rank("medium") for one in signals(deployment(), broken))
