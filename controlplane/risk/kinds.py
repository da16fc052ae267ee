"""The registry of change kinds: what each one is able to do, and who reads its artefact."""

from dataclasses import dataclass

from attribution.errors import CaseError
from controlplane.risk import config, deploy, sql
from controlplane.risk.code import estimate as code_estimate
from controlplane.risk.code import reader as code
from controlplane.risk.content_policy import reader as content_policy
from controlplane.risk.dependency import reader as dependency
from controlplane.risk.dns import reader as dns
from controlplane.risk.estimates import Learner
from controlplane.risk.flags import reader as flags
from controlplane.risk.iam import reader as iam
from controlplane.risk.kubernetes import reader as kubernetes
from controlplane.risk.signals import Reader
from controlplane.risk.stores import cache, queue
from controlplane.risk.terraform import reader as terraform


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """`observable`: its effect shows in metrics of the exposed share. `grayable`: it can be on
    for a share of production. `reversible`: applying what was before restores it, so that
    Graygate may do so by itself; of one change a reader may know better.
    """

    name: str
    label: str
    observable: bool = True
    grayable: bool = True
    reversible: bool = True
    reader: Reader | None = None
    learner: Learner | None = None

    @property
    def has_reader(self) -> bool:
        return self.reader is not None


KINDS: dict[str, ChangeKind] = {
    kind.name: kind
    for kind in (
        ChangeKind("deploy", "Deployment", reader=deploy.read),
        ChangeKind("config", "Configuration", reader=config.read),
        ChangeKind("code_diff", "Code change", reader=code.read, learner=code_estimate.LEARNER),
        ChangeKind("feature_flag", "Feature flag", reader=flags.read),
        ChangeKind(
            "sql_migration", "SQL migration", grayable=False, reversible=False, reader=sql.read
        ),
        ChangeKind(
            "terraform_plan",
            "Terraform plan",
            grayable=False,
            reversible=False,
            reader=terraform.read,
        ),
        ChangeKind("kubernetes_manifest", "Kubernetes manifest", reader=kubernetes.read),
        ChangeKind("iam_policy", "IAM policy", observable=False, grayable=False, reader=iam.read),
        ChangeKind("content_policy", "Content policy", reader=content_policy.read),
        ChangeKind("dependency", "Dependencies", reader=dependency.read),
        ChangeKind("queue", "Queue or topic", grayable=False, reader=queue.read),
        ChangeKind("cache", "Cache", reader=cache.read),
        ChangeKind("network", "DNS zone", grayable=False, reader=dns.read),
    )
}


def kind_of(name: object) -> ChangeKind:
    """Raises CaseError: a kind that nobody registered is a mistake, not a risk."""
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise CaseError("Unknown change kind", f"Known kinds: {', '.join(KINDS)}.", "/kind")
    return kind
