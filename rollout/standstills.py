"""What stops everything at once, by a person's word or after a restore: told once for all.

Each rollout that it holds has its own hold, and nobody is paged for that one.
"""

from datetime import datetime

from rollout import gates, restored
from rollout.complaints import KILL_SWITCH, RESTORED, Complaint
from rollout.models import Freeze, Rollout

AFTER_A_RESTORE = (
    "Look at what is out there and at the changes that are approved (docs/reliability.md, "
    "Back-up and restore); then `python manage.py restored --over`, and resume each rollout."
)
AFTER_THE_SWITCH = (
    "Halts and rollbacks go on. Whoever threw it ends it: `python manage.py kill_switch off`, "
    "or the page that shows what is changing now."
)
# The freeze's name → what its alert is called, and what is left to do.
TOLD_AS = {
    restored.FREEZE: (RESTORED, AFTER_A_RESTORE),
    gates.KILL_SWITCH: (KILL_SWITCH, AFTER_THE_SWITCH),
}


def in_force(now: datetime) -> list[Freeze]:
    return [each for each in gates.freezes_in_force(now) if each.name in TOLD_AS]


def complaints(now: datetime) -> list[Complaint]:
    """For the auditor; none when there is no rollout at all that could be concerned."""
    freezes = in_force(now)
    newest = Rollout.objects.order_by("-progressed_at").first() if freezes else None
    return [about(each, newest) for each in freezes if newest is not None]


def about(freeze: Freeze, rollout: Rollout) -> Complaint:
    kind, left_to_do = TOLD_AS[freeze.name]
    text = f"nothing grows ({freeze.actor}): {freeze.reason}"
    return Complaint(kind, rollout, "", text, left_to_do)
