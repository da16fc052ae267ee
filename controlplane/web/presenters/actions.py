"""Which orders a page offers: what the state allows and the person's role covers."""

from dataclasses import dataclass, field

from django.urls import reverse

from controlplane.web import numbers
from controlplane.web.presenters.rollouts import RolloutView
from rollout.machine import HoldKind, Phase, StageState
from rollout.services import RESUMED


@dataclass(frozen=True)
class Action:
    name: str
    label: str
    # What happens then, before it is clicked.
    effect: str
    url: str
    tone: str = "quiet"
    fields: dict[str, object] = field(default_factory=dict)


def offered(view: RolloutView, *, again: bool = False) -> list[Action]:
    """The safest first, since that is where a hurried hand goes. `again`: a person holds its
    rollback to be wrong.
    """
    phase = view.rollout.phase
    return [
        *(_stopping(view) if phase in {Phase.PENDING, Phase.RUNNING, Phase.WATCHING} else []),
        *(_going_on(view) if phase in {Phase.PENDING, Phase.RUNNING} else []),
        *(_after_failure(view) if phase == Phase.ROLLBACK_FAILED else []),
        *([_again(view)] if again else []),
        *(_undoing(view) if phase == Phase.COMPLETED else []),
    ]


def _action(view: RolloutView, name: str, label: str, effect: str, tone: str = "quiet") -> Action:
    url = reverse("act", kwargs={"rollout_id": view.rollout.pk, "action": name})
    return Action(name, label, effect, url, tone)


def _stopping(view: RolloutView) -> list[Action]:
    kinds = {h.kind for h in view.holds}
    orders = []
    if HoldKind.PAUSED not in kinds and view.rollout.phase != Phase.WATCHING:
        orders.append(_action(view, "pause", "Pause", "exposure stays as it is; judging goes on"))
    orders.append(
        _action(view, "abort", "Abort", "exposure goes to zero on every target, now", "bad")
    )
    return orders


def _going_on(view: RolloutView) -> list[Action]:
    kinds = {h.kind for h in view.holds}
    orders = []
    if kinds & {*RESUMED}:
        orders.append(_action(view, "resume", "Resume", "the pause ends; evidence starts again"))
    stage = view.current
    if stage is None:
        return orders
    if stage.state in {StageState.BAKING, StageState.FAILED}:
        orders += [_retry_stage(view), _promote(view)]
    return orders


def _retry_stage(view: RolloutView) -> Action:
    return _action(view, "retry", "Judge again", "the stage starts over with fresh evidence")


def _promote(view: RolloutView) -> Action:
    stage = view.current
    assert stage is not None  # noqa: S101 - asked by the caller, said for mypy
    following = next((s for s in view.steps if s.number == stage.number + 1), None)
    then = (
        f"exposure grows to {numbers.percent(following.share)}" if following else "it is the last"
    )
    action = _action(
        view, "promote", f"Promote past stage {stage.number}", f"waives the verdict; {then}", "warn"
    )
    return Action(**{**action.__dict__, "fields": {"stage": stage.number - 1}})


def _after_failure(view: RolloutView) -> list[Action]:
    return [
        _action(view, "retry", "Try the rollback again", "every target is set to zero again"),
        _action(view, "accept", "Write it off", "needs the word of two people", "warn"),
    ]


def _again(view: RolloutView) -> Action:
    effect = "a new rollout of the same plan; what was seen of this one is not held against it"
    return _action(view, "retry", "Try again from stage 1", effect, "warn")


def _undoing(view: RolloutView) -> list[Action]:
    if not view.spec.get("previous_version"):
        return []
    effect = f"a new rollout brings {view.spec['previous_version']} back"
    return [_action(view, "undo", "Undo", effect, "warn")]
