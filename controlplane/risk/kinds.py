"""The registry of change kinds: what each one is able to do, and who reads its artefact."""

from dataclasses import dataclass

from attribution.errors import CaseError
from controlplane.risk import config, deploy
from controlplane.risk.code import estimate as code_estimate
from controlplane.risk.code import reader as code
from controlplane.risk.estimates import Learner
from controlplane.risk.signals import Reader


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """`observable`: its effect shows in metrics of the exposed share. `grayable`: it can be on
    for a share of production. `reversible`: going back restores what was before.
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
        ChangeKind("feature_flag", "Feature flag"),
        ChangeKind("sql_migration", "SQL migration", grayable=False, reversible=False),
        ChangeKind("terraform_plan", "Terraform plan", grayable=False, reversible=False),
        ChangeKind("kubernetes_manifest", "Kubernetes manifest"),
        ChangeKind("iam_policy", "IAM policy", observable=False, grayable=False),
        ChangeKind("content_policy", "Content policy"),
    )
}


def kind_of(name: object) -> ChangeKind:
    """Raises CaseError: a kind that nobody registered is a mistake, not a risk."""
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise CaseError("Unknown change kind", f"Known kinds: {', '.join(KINDS)}.", "/kind")
    return kind
