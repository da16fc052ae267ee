"""A signal on one package of a lock file."""

from controlplane.risk.dependency.lock import Package
from controlplane.risk.signals import Severity, Signal


def told(
    package: Package,
    name: str,
    severity: Severity,
    summary: str,
    why: str,
    remedy: str,
) -> Signal:
    summary = f"{package.name[:100]}: {summary}"
    return Signal(name, severity, summary, package.where, why, remedy)
