"""A check that objects can fail, one object's failing it, and which failures are news.

A check has two severities: `severity` where an object that passed now fails, so that somebody
took a protection away; `fresh` where the object is new, or nobody said what it was, and merely
lacks it. A check that implies others was already failing them: going from the worse to the
lesser is a fix.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from controlplane.risk.kubernetes.objects import (
    Identity,
    Manifest,
    Objects,
    Path,
    mapping,
    text,
)
from controlplane.risk.kubernetes.pods import Pod, pods_of
from controlplane.risk.kubernetes.selectors import PodIndex
from controlplane.risk.signals import Reversibility, Severity

# Shortcomings of new objects below `high` are told together, one signal a family: fifteen pieces
# of advice about one new workload are one thing to do, not fifteen risks.
FAMILIES = {
    "hardening": "Hardening that new pods lack",
    "reliability": "What new workloads lack to run reliably",
    "hygiene": "Good housekeeping that new objects lack",
}


@dataclass(frozen=True, slots=True)
class Check:
    id: str
    severity: Severity
    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    fresh: Severity | None = None
    family: str = ""
    implies: tuple[str, ...] = ()
    reversibility: Reversibility = "reversible"


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """`part` tells several failures of one check in one object apart: a container, a key."""

    check: Check
    manifest: Manifest
    path: Path
    what: str
    part: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """One side with what rules ask for more than once. `target` is the cluster's minor version."""

    objects: Objects
    target: int | None = None

    @cached_property
    def pods(self) -> Sequence[Pod]:
        return pods_of(self.objects)

    @cached_property
    def index(self) -> PodIndex:
        return PodIndex(self.pods)

    @cached_property
    def scalers(self) -> Mapping[Identity, Manifest]:
        """Kind, namespace and name of what is scaled → its autoscaler."""
        found: dict[Identity, Manifest] = {}
        for one in self.objects.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
            target = mapping(one.spec.get("scaleTargetRef"))
            kind = text(target.get("kind")) or "Deployment"
            found[kind, one.namespace, text(target.get("name"))] = one
        return found


Rule = Callable[[Scene], Iterable[Finding]]


def check(  # noqa: PLR0913 - a row of a table; each column is named at the call
    name: str,
    severity: Severity,
    why: str,
    remedy: str,
    aliases: str = "",
    *,
    fresh: Severity | None = None,
    family: str = "",
    implies: str = "",
    reversibility: Reversibility = "reversible",
) -> Check:
    return Check(
        name,
        severity,
        why,
        remedy,
        tuple(aliases.split()),
        fresh,
        family,
        tuple(implies.split()),
        reversibility,
    )


def of_pod(
    test: Check, pod: Pod, path: Path, what: str, part: str = "", aliases: str = ""
) -> Finding:
    return Finding(test, pod.manifest, (*pod.path, *path), what, part, tuple(aliases.split()))


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """A finding that the change brings in; `severity` follows from what was there before."""

    finding: Finding
    severity: Severity
    fresh: bool


def news(
    after: Iterable[Finding], before: Iterable[Finding], twins: Mapping[int, Manifest]
) -> Iterator[News]:
    """`twins`: order of a new object → what it was before."""
    failed: dict[int, set[tuple[str, str]]] = {}
    for old in before:
        known = failed.setdefault(old.manifest.order, set())
        for name in (old.check.id, *old.check.implies):
            known |= {(name, old.part), (name, ANYWHERE)}
    for finding in after:
        twin = twins.get(finding.manifest.order)
        known = failed.get(twin.order, set()) if twin else set()
        if (finding.check.id, finding.part) in known:
            continue
        fresh = twin is None or (finding.check.id, ANYWHERE) in known
        lesser = finding.check.fresh or finding.check.severity
        yield News(finding, lesser if fresh else finding.check.severity, fresh)


ANYWHERE = "*"
