"""Cohorts that are told apart by version: the rollout that starts says what they stand for."""

import re

from attribution import watched
from attribution.models import Service
from attribution.versions import uses_versions
from rollout.models import Rollout
from rollout.spec import RolloutSpec

BY_CONTENT = re.compile(r"sha256:[0-9a-f]{12}")


def watch(rollout: Rollout) -> None:
    spec = RolloutSpec.from_json(rollout.spec)
    services = {target.service for target in spec.targets}
    shown = [_shown(version) for version in (spec.version, spec.previous_version)]
    watched.watch(services, rollout.change_id, *shown)


def _shown(version: str) -> str:
    """What a label may say. A name by the content of a change is Graygate's own: no series has it,
    and a canary that cannot be told apart is not known, not silent.
    """
    return "" if BY_CONTENT.fullmatch(version) else version


def told_by_version(rollout: Rollout) -> set[str]:
    """Of the rollout's services those whose cohorts are versions."""
    names = {target["service"] for target in rollout.spec["targets"]}
    rows = Service.objects.filter(name__in=names).values_list("name", "cohorts")
    return {name for name, cohorts in rows if uses_versions(cohorts)}
