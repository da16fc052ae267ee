"""A person's word on what caused an anomaly: which of the changes, or none of them."""

from uuid import UUID

from attribution.clock import database_now
from attribution.errors import CaseError
from attribution.models import Anomaly, AnomalyFeedback, Exposure
from controlplane.models import Change


def give(anomaly_id: UUID, change_id: UUID | None, note: str, author: str) -> AnomalyFeedback:
    """Supersedes what was said before, which stays. Raises Anomaly.DoesNotExist and CaseError."""
    anomaly = Anomaly.objects.get(pk=anomaly_id)
    if change_id is not None and not is_known(change_id):
        raise CaseError("unknown change", f"no change '{change_id}' was ever seen here", "/change")
    return AnomalyFeedback.objects.create(
        anomaly=anomaly, change_id=change_id, note=note, author=author, at=database_now()
    )


def is_known(change_id: UUID) -> bool:
    """Submitted here, or seen: an unmanaged change is known by its exposure alone."""
    return (
        Change.objects.filter(pk=change_id).exists()
        or Exposure.objects.filter(change_id=change_id).exists()
    )
