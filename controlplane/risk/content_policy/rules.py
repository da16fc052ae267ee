"""All rules on one edit of a policy; here those on whom it is for."""

from collections.abc import Callable, Iterator

from controlplane.risk import names
from controlplane.risk.content_policy.numbers import thresholds, weights
from controlplane.risk.content_policy.protection import action_weakened, blocklist, switched_off
from controlplane.risk.content_policy.terms import EVERYBODY, PERCENT, SHARE, WEIGHT
from controlplane.risk.edits import Edit
from controlplane.risk.shapes import number_of, quantity_of
from controlplane.risk.signals import Severity, Signal

SMALL_STEP, LARGE_STEP = 0.1, 0.5
WHY = "All of them meet it in the same second, whatever the plan of the rollout says."
REMEDY = "Let it grow in the rollout's own stages, a few percent first."


def audience(edit: Edit) -> Iterator[Signal]:
    """Not of a weight: what people do with a post may be called `share` there."""
    if edit.added or not edit.named & SHARE or edit.named & WEIGHT:
        return
    shares = _shares(edit)
    if edit.removed and shares:
        yield edit.signal(
            "audience_limit_removed", "high", "nothing says any more for how many it is",
            "What is for nobody in particular is for everybody.", REMEDY,
        )  # fmt: skip
    elif shares and shares[1] > shares[0]:
        step = shares[1] - shares[0]
        severity: Severity = (
            "high" if step > LARGE_STEP else "medium" if step > SMALL_STEP else "low"
        )
        name = "audience_jump" if step > SMALL_STEP else "audience_step"
        summary = f"{step:.0%} more of everybody ({edit.step})"
        yield edit.signal(name, severity, summary, WHY, REMEDY)
    elif not shares and _everybody(edit.new) and not _everybody(edit.old):
        yield edit.signal("audience_jump", "high", f"for everybody ({edit.step})", WHY, REMEDY)


def _shares(edit: Edit) -> tuple[float, float] | None:
    """Both as parts of 1; hundredths where the name says so, or where one is above 1."""
    given = [edit.old] if edit.removed else [edit.old, edit.new]
    found = [_share(value) for value in given]
    numbers = [one for one in found if one is not None]
    if len(numbers) < len(given):
        return None
    whole = 100 if edit.named & PERCENT or max(numbers) > 1 else 1
    parts = [
        number if quantity_of(value) else number / whole
        for number, value in zip(numbers, given, strict=True)
    ]
    return parts[0], parts[-1]


def _share(value: object) -> float | None:
    quantity = quantity_of(value)
    return quantity.value if quantity and quantity.unit == "%" else number_of(value)


def _everybody(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and names.words(one) & EVERYBODY for one in texts)


Rule = Callable[[Edit], Iterator[Signal]]
RULES: tuple[Rule, ...] = (
    weights, thresholds, switched_off, action_weakened, blocklist, audience,
)  # fmt: skip
