"""How pods come and go: update strategies, controllers, termination, jobs and their schedules."""

import re
from collections.abc import Iterator, Sequence

from controlplane.risk.kubernetes.availability import replicas_of
from controlplane.risk.kubernetes.findings import Finding, Rule, Scene, check
from controlplane.risk.kubernetes.objects import mapping, number, text
from controlplane.risk.kubernetes.quantities import percentage

STRATEGY = check(
    "no_rolling_update", "medium",
    "All pods go before the new ones come: an outage, and no stage at which to stop.",
    "Use strategy type RollingUpdate.",
    "kube-linter:no-rolling-update-strategy",
)  # fmt: skip
ALL_AT_ONCE = check(
    "rolling_update_all_at_once", "medium",
    "maxUnavailable lets all pods go at once: an outage, and no stage at which to stop.",
    "Set maxUnavailable to a quarter or less and maxSurge above zero.",
)  # fmt: skip
NAKED = check(
    "naked_pod", "medium",
    "Nothing starts it again when its node goes, and it cannot be rolled out in stages.",
    "Use a Deployment, a StatefulSet or a Job.",
    family="reliability",
)  # fmt: skip
GRACE = check(
    "no_termination_grace", "medium",
    "The process is killed with requests in its hands.",
    "Leave terminationGracePeriodSeconds at 30 or at what the longest request takes.",
)  # fmt: skip

DEADLINE = check(
    "cron_without_deadline", "low",
    "After a pause of the controller, runs that were missed all start, or none ever again.",
    "Set startingDeadlineSeconds.",
    "kube-score:cronjob-has-deadline",
    family="hygiene",
)  # fmt: skip
OVERLAP = check(
    "cron_runs_overlap", "medium",
    "A run that takes longer than usual meets the next one: they pile up or corrupt each other.",
    "Set concurrencyPolicy: Forbid, or Replace.",
    fresh="low", family="reliability",
)  # fmt: skip
SCHEDULE = check(
    "cron_schedule_invalid", "high",
    "The API server refuses the schedule.",
    "Write five fields: minute, hour, day, month, day of the week.",
)  # fmt: skip
FULL_HOUR = check(
    "cron_on_the_full_hour", "low",
    "All jobs of the cluster that start at minute 0 meet at the same disks and services.",
    "Spread them over the hour.",
    family="hygiene",
)  # fmt: skip
RESTART = check(
    "restart_policy_invalid", "high",
    "The API server refuses a Job whose pods restart always, and any other workload whose pods "
    "do not.",
    "Set restartPolicy: OnFailure or Never for a Job; leave it out for everything else.",
    "kube-linter:restart-policy",
)  # fmt: skip
LEFT_OVER = check(
    "finished_jobs_kept", "low",
    "Finished jobs stay in the API server until somebody deletes them.",
    "Set ttlSecondsAfterFinished.",
    "kube-linter:job-ttl-seconds-after-finished",
    family="hygiene",
)  # fmt: skip

_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_FIELD = re.compile(r"[\d*/,\-A-Za-z?#]{1,60}")


def strategies(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        owner = pod.manifest
        for field in ("strategy", "updateStrategy"):
            chosen = mapping(owner.spec.get(field))
            kind = chosen.get("type")
            if kind is not None and kind not in ("RollingUpdate", "Rolling"):
                what = f"has update strategy {text(kind)[:30]}"
                yield Finding(STRATEGY, owner, ("spec", field), what)
            most = mapping(chosen.get("rollingUpdate")).get("maxUnavailable")
            if percentage(most) == 100 or (number(most) or 0) >= max(replicas_of(owner), 2):
                where = ("spec", field, "rollingUpdate", "maxUnavailable")
                yield Finding(ALL_AT_ONCE, owner, where, f"lets {most} pods go at once"[:80])


def lifetimes(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        kind = pod.manifest.kind
        if kind in ("Pod", "ReplicaSet", "ReplicationController"):
            yield Finding(NAKED, pod.manifest, (), f"is a {kind} that no controller renews")
        if number(pod.spec.get("terminationGracePeriodSeconds")) == 0:
            where = (*pod.path, "terminationGracePeriodSeconds")
            yield Finding(GRACE, pod.manifest, where, "gives its pods no time to end")


def restarts(scene: Scene) -> Iterator[Finding]:
    for pod in scene.pods:
        said, kind = pod.spec.get("restartPolicy"), pod.manifest.kind
        refused = said in (None, "Always") if pod.finite else said not in (None, "Always")
        if refused and pod.spec.get("containers") and kind != "Pod":
            what = f"has restart policy {text(said) or 'Always'}"
            yield Finding(RESTART, pod.manifest, (*pod.path, "restartPolicy"), what)
        if kind == "Job" and "ttlSecondsAfterFinished" not in pod.manifest.spec:
            yield Finding(LEFT_OVER, pod.manifest, ("spec",), "stays after it has finished")


def crons(scene: Scene) -> Iterator[Finding]:
    for one in scene.objects.of_kind("CronJob"):
        spec, schedule = one.spec, text(one.spec.get("schedule")).strip()
        if spec.get("startingDeadlineSeconds") is None:
            yield Finding(DEADLINE, one, ("spec",), "has no startingDeadlineSeconds")
        if spec.get("concurrencyPolicy") in (None, "Allow"):
            yield Finding(OVERLAP, one, ("spec", "concurrencyPolicy"), "lets its runs overlap")
        if not _valid(schedule):
            what = f"has the schedule `{schedule[:60]}`"
            yield Finding(SCHEDULE, one, ("spec", "schedule"), what)
        elif schedule.startswith("0 ") or schedule in _MACROS:
            yield Finding(FULL_HOUR, one, ("spec", "schedule"), "starts on the full hour")


def _valid(schedule: str) -> bool:
    if schedule.startswith("@"):
        return schedule in _MACROS or schedule.startswith("@every ")
    fields = schedule.removeprefix("TZ=").split()
    return len(fields) == 5 and all(_FIELD.fullmatch(field) for field in fields)


RULES: Sequence[Rule] = (strategies, lifetimes, restarts, crons)
