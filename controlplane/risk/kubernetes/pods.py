"""The pods that objects make: found by shape, so that other people's controllers count too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.risk.kubernetes.objects import (
    Manifest,
    Objects,
    Path,
    at,
    mapping,
    sequence,
    text,
)

_TEMPLATES: tuple[Path, ...] = (
    ("spec", "template"),
    ("spec", "jobTemplate", "spec", "template"),
)
FINITE = ("Job", "CronJob")
CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    spec: Mapping[str, Any]
    path: Path
    index: int
    main: bool

    @property
    def name(self) -> str:
        return text(self.spec.get("name")) or f"number {self.index + 1}"

    @property
    def security(self) -> Mapping[str, Any]:
        return mapping(self.spec.get("securityContext"))


@dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """`path` leads to the pod's spec, `labels` and `annotations` are the pod's own."""

    manifest: Manifest
    spec: Mapping[str, Any]
    path: Path
    labels: Mapping[str, Any]
    annotations: Mapping[str, Any]

    @property
    def finite(self) -> bool:
        return self.manifest.kind in FINITE

    @property
    def security(self) -> Mapping[str, Any]:
        return mapping(self.spec.get("securityContext"))

    def containers(self, *lists: str) -> Iterator[Container]:
        for name in lists or CONTAINER_LISTS:
            for index, one in enumerate(sequence(self.spec.get(name))):
                if isinstance(one, Mapping):
                    yield Container(one, (*self.path, name, index), index, name == "containers")

    @property
    def servers(self) -> Iterator[Container]:
        """Those that run as long as the pod does."""
        return self.containers("containers")


def pod_of(manifest: Manifest) -> Pod | None:
    if manifest.kind == "Pod":
        return Pod(manifest, manifest.spec, ("spec",), manifest.labels, manifest.annotations)
    for path in _TEMPLATES:
        template = at(manifest.body, *path)
        if isinstance(template, Mapping) and _is_pod(manifest, template):
            metadata = mapping(template.get("metadata"))
            return Pod(
                manifest=manifest,
                spec=mapping(template.get("spec")),
                path=(*path, "spec"),
                labels=mapping(metadata.get("labels")) or _selected(manifest),
                annotations=mapping(metadata.get("annotations")),
            )
    if manifest.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        return Pod(manifest, {}, ("spec",), _selected(manifest), {})
    return None


def _is_pod(manifest: Manifest, template: Mapping[str, Any]) -> bool:
    """Other objects have templates as well: of claims, of certificates, of anything."""
    spec = template.get("spec")
    return manifest.group in ("apps", "batch", "extensions", "apps.openshift.io", "") or (
        isinstance(spec, Mapping) and "containers" in spec
    )


def _selected(manifest: Manifest) -> Mapping[str, Any]:
    """A template without labels is taken to have those that its controller looks for."""
    return mapping(manifest.at("spec", "selector", "matchLabels"))


def pods_of(objects: Objects) -> list[Pod]:
    return [pod for one in objects.manifests if (pod := pod_of(one)) is not None]
