"""An executor whose world is a row in PostgreSQL: for trying Graygate out, and for its tests."""

from collections.abc import Mapping
from typing import Any, Literal

from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.models import DryRunTarget


class DryRunExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "target"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = 5.0
    grain = 0.0
    exclusive = False

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        unknown = sorted(set(config) - {"target"})
        return [f"dryrun takes only `target`, not `{name}`" for name in unknown]

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        del config
        row, _ = DryRunTarget.objects.get_or_create(rollout_id=key.rollout, target=key.target)
        changed = DryRunTarget.objects.filter(pk=row.pk, generation__lte=key.generation).update(
            share=desired.share, units=list(desired.units), generation=key.generation
        )
        if not changed:
            raise ExecutorError(f"refused: a newer call than {key} was seen", permanent=True)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        del config
        row = DryRunTarget.objects.filter(rollout_id=key.rollout, target=key.target).first()
        return Observed(row.share, tuple(row.units), row.generation) if row else Observed(0.0)
