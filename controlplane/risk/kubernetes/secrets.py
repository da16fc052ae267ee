"""Secrets in clear text: in environments, ConfigMaps, and Secret objects themselves."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from controlplane.risk import names
from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import mapping, sequence, text
from controlplane.risk.kubernetes.pods import Container, Pod

IN_ENVIRONMENT = check(
    "secret_in_environment", "high",
    "Whoever reads the manifest, its history or the pod's description has the secret.",
    "Move it to a secret store, name it by secretKeyRef, and change it: it has been seen.",
    "polaris:sensitiveContainerEnvVar kube-linter:env-var-secret",
    reversibility="costly",
)  # fmt: skip
PERHAPS_IN_ENVIRONMENT = check(
    "secret_like_environment_variable", "low",
    "Its name says secret, its value does not look like one.",
    "Make sure that it is none.",
    "polaris:sensitiveContainerEnvVar kube-linter:env-var-secret",
    family="hygiene",
)  # fmt: skip
IN_CONFIGMAP = check(
    "secret_in_configmap", "high",
    "ConfigMaps are shown to everyone who may look at the namespace, and are not encrypted.",
    "Move it to a Secret or a secret store, and change it: it has been seen.",
    "polaris:sensitiveConfigmapContent kube-linter:configmap-with-credentials",
    reversibility="costly",
)  # fmt: skip
PERHAPS_IN_CONFIGMAP = check(
    "secret_like_configmap_key", "low",
    "Its name says secret, its value does not look like one.",
    "Make sure that it is none.",
    "polaris:sensitiveConfigmapContent kube-linter:configmap-with-credentials",
    family="hygiene",
)  # fmt: skip
SECRET_OBJECT = check(
    "secret_in_manifest", "medium",
    "base64 is no encryption: the secret is in the repository and in its history.",
    "Use sealed or external secrets, so that the manifest holds a reference only.",
    "",
    reversibility="costly",
)  # fmt: skip
READ_FROM_ENVIRONMENT = check(
    "secret_read_from_environment", "low",
    "Environments are inherited by child processes and end up in crash reports.",
    "Mount the secret as a file.",
    "kube-linter:read-secret-from-env-var checkov:CKV_K8S_35",
    family="hygiene",
)  # fmt: skip

# What these hold is a credential whatever it looks like; names that their makers publish.
_CREDENTIALS = re.compile(
    r"(?i)AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|GOOGLE_APPLICATION_CREDENTIALS"
    r"|AZURE_.{1,60}KEY|OCI_CLI_KEY_CONTENT"
)
_SUSPICIOUS = re.compile(r"(?i)password|passwd|token|bearer|secret")
_HARMLESS = re.compile(
    r"(?i)|true|false|\d{1,9}|\d+(ms|s|m|h|d)|/[\w./-]*|https?://[^@\s]*|\$\(.*\)"
)


def graded(key: str, value: Any) -> bool | None:
    """True: a secret. False: only named like one. None: neither."""
    if names.holds_secret(value) or _CREDENTIALS.fullmatch(key):
        return True
    if not _SUSPICIOUS.search(key) and not names.is_secret(key):
        return None
    plain = isinstance(value, bool | int | float) or value is None
    return not plain and isinstance(value, str) and not _HARMLESS.fullmatch(value.strip())


def environments(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        for one in pod.containers():
            for index, variable in enumerate(sequence(one.spec.get("env"))):
                yield from _variable(pod, one, index, mapping(variable))


def _variable(pod: Pod, one: Container, index: int, variable: Any) -> Iterator[Finding]:
    name, where = text(variable.get("name")), (*one.path, "env", index)
    part = f"{one.name}/{name}"
    if mapping(variable.get("valueFrom")).get("secretKeyRef"):
        what = f"container {one.name} reads a secret from {name[:60]}"
        yield Finding(READ_FROM_ENVIRONMENT, pod.manifest, where, what, part)
    if "value" not in variable:
        return
    secret = graded(name, variable.get("value"))
    if secret is not None:
        test = IN_ENVIRONMENT if secret else PERHAPS_IN_ENVIRONMENT
        what = f"container {one.name} is given {name[:60]} in clear text"
        yield Finding(test, pod.manifest, where, what, part)


def configmaps(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind("ConfigMap"):
        for key, value in mapping(one.body.get("data")).items():
            secret = graded(str(key), value)
            if secret is not None:
                test = IN_CONFIGMAP if secret else PERHAPS_IN_CONFIGMAP
                where = ("data", key)
                yield Finding(test, one, where, f"holds {str(key)[:60]} in clear text", str(key))


def secret_objects(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind("Secret"):
        for field in ("data", "stringData"):
            if any(mapping(one.body.get(field)).values()):
                yield Finding(SECRET_OBJECT, one, (field,), "carries the secret itself")


RULES: Sequence[Rule] = (environments, configmaps, secret_objects)
