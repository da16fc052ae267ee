import pytest

from tests.unit.risk.manifests import deployment, ids, made, only


def service(selector=None, ports=None, **spec):
    body = {"selector": selector or {"app": "cart"}, "ports": ports or [{"port": 80}]}
    return made("Service", spec=body | spec)


def ingress(name="cart", port=80, host="shop.example", *, tls=True):
    backend = {"service": {"name": name, "port": {"number": port}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "backend": backend}]}}
    spec = {"rules": [rule]} | ({"tls": [{"secretName": "cert"}]} if tls else {})
    return made("Ingress", "networking.k8s.io/v1", spec=spec)


def policy(peers=None, **spec):
    rule = {"from": peers} if peers else {}
    body = {"podSelector": {"matchLabels": {"app": "cart"}}, "ingress": [rule]}
    return made("NetworkPolicy", "networking.k8s.io/v1", spec=body | spec)


CALLER = [{"podSelector": {"matchLabels": {"app": "cart"}}}]


def test_service__selector_without_pods__dangles():
    after = [deployment(), service({"app": "card"})]
    found = only("dangling_service", after, [deployment(), service()])
    assert found.severity == "high"
    assert "kube-linter:dangling-service" in found.aliases


def test_service__labels_of_the_pods_changed__dangles_as_well():
    after = [deployment(labels__app="basket"), service()]
    assert "dangling_service" in ids(after, [deployment(), service()])


def test_service__alone__may_have_its_pods_elsewhere():
    assert "dangling_service" not in ids(service({"app": "x"}), "")


def test_service__in_another_namespace__does_not_count_as_backed():
    elsewhere = deployment(metadata__namespace="bank")
    here = deployment(metadata__name="till", labels__app="till")
    found = ids([here, elsewhere, service()], "")
    assert "dangling_service" in found


def test_service__selector_changed_to_other_pods__moves_all_traffic_at_once():
    pods = [deployment(), deployment(metadata__name="green", labels__app="green")]
    found = only("service_selector_changed", [*pods, service({"app": "green"})], [*pods, service()])
    assert found.severity == "high"


def test_service__port_taken_away__is_high():
    before = service(ports=[{"port": 80}, {"port": 443}])
    assert "443" in only("service_port_removed", service(), before).summary


@pytest.mark.parametrize("port", [0, 70000, "http_port", "a-name-much-too-long"])
def test_service__port_that_is_none__is_refused(port):
    after = service(ports=[{"port": 80, "targetPort": port}])
    assert "kube-linter:invalid-target-ports" in only("invalid_port", after, service()).aliases


def test_service__opened_to_the_world__is_named():
    assert "service_exposed" in ids(service(type="LoadBalancer"), service())


def test_service__internal_load_balancer__is_not_open_to_the_world():
    inner = service(type="LoadBalancer")
    inner["metadata"]["annotations"] = {"networking.gke.io/load-balancer-type": "Internal"}
    assert "service_exposed" not in ids(inner, service())


@pytest.mark.parametrize("target", [{"name": "card"}, {"port": 8080}])
def test_ingress__service_or_port_that_is_not_there__dangles(target):
    after = [service(), ingress(**target)]
    assert "dangling_ingress" in ids(after, [service(), ingress()])


def test_ingress__tls_taken_away__is_named():
    found = only("ingress_without_tls", ingress(tls=False), ingress())
    assert "polaris:tlsSettingsMissing" in found.aliases


def test_ingress__host_taken_away__is_high():
    found = only("ingress_host_removed", ingress(host="new.example"), ingress())
    assert "shop.example" in found.summary


def test_network_policy__loses_its_peers__lets_everybody_in():
    found = ids([deployment(), policy()], [deployment(), policy(CALLER)])
    assert {"network_policy_loosened", "networkpolicy_open"} <= found


def test_network_policy__whole_world_by_address__lets_everybody_in():
    open_ = policy([{"ipBlock": {"cidr": "0.0.0.0/0"}}])
    assert "networkpolicy_open" in ids([deployment(), open_], [deployment(), policy(CALLER)])


def test_network_policy__selector_without_pods__leaves_the_pod_open():
    other = policy(CALLER, podSelector={"matchLabels": {"app": "card"}})
    found = ids([deployment(), other], [deployment(), policy(CALLER)])
    assert {"dangling_networkpolicy", "pod_not_isolated"} <= found


def test_network_policy__peer_that_no_pod_is__is_named():
    stranger = policy([{"podSelector": {"matchLabels": {"app": "card"}}}])
    found = ids([deployment(), stranger], [deployment(), policy(CALLER)])
    assert "dangling_networkpolicy_peer" in found


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "app", "operator": "In", "values": ["cart", "till"]},
        {"key": "app", "operator": "NotIn", "values": ["till"]},
        {"key": "app", "operator": "Exists"},
        {"key": "gone", "operator": "DoesNotExist"},
    ],
)
def test_selector__expressions__select(expression):
    chosen = policy(CALLER, podSelector={"matchExpressions": [expression]})
    assert "dangling_networkpolicy" not in ids([deployment(), chosen], "")


def test_service_monitor__without_a_service__leaves_the_canary_unseen():
    monitor = made(
        "ServiceMonitor",
        "monitoring.coreos.com/v1",
        spec={"selector": {"matchLabels": {"app": "card"}}},
    )
    assert "dangling_servicemonitor" in ids([service(), monitor], "")
