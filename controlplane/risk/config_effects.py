"""A well-formed new value whose *effect* is suspicious: magnitude, switches, secrets, removal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk import names, shapes
from controlplane.risk.edits import Edit, Rule
from controlplane.risk.signals import Signal

INT32 = 2**31 - 1
JUMP = 10  # a factor from which a number is more often a slip than a wish
SMALL = 100  # below it, bare counts such as 1 → 10 are everyday tuning


def secret(edit: Edit) -> Signal | None:
    if edit.removed or not (names.holds_secret(edit.new) or _named_secret(edit)):
        return None
    return edit.signal(
        "secret_in_clear",
        "high",
        "holds a secret in clear text (value not shown)",
        "Everybody who reads the repository, the pipeline or the host's files can use it.",
        "Refer to a secret store instead, and replace this secret: it has been seen.",
    )


def _named_secret(edit: Edit) -> bool:
    value = edit.new
    if not isinstance(value, str) or not names.is_secret(edit.key) or shapes.is_empty(value):
        return False
    kept_elsewhere = shapes.is_template(value) or value.startswith(("<", "*", "vault:", "env:"))
    other_form = shapes.is_path(value) or shapes.is_url(value) or shapes.is_class_name(value)
    plain = shapes.boolean_of(value) is not None or shapes.number_of(value) is not None
    return not (kept_elsewhere or other_form or plain) and value.lower() not in ("none", "null")


def removed(edit: Edit) -> Signal | None:
    if not edit.removed or edit.old in ([], {}):
        return None
    if edit.named & names.KILL:
        return _kill_switch_gone(edit, "is removed")
    return edit.signal(
        "key_removed",
        "medium",
        "is removed",
        "The program falls back to its default, or fails if it needs the key.",
        "Remove the key only after every running version has stopped reading it.",
    )


def switched(edit: Edit) -> Signal | None:
    old, new = shapes.boolean_of(edit.old), shapes.boolean_of(edit.new)
    if old is None or new is None or old == new:
        return None
    weaker = new if edit.named & names.INVERSE else old
    if weaker and edit.named & names.KILL:
        return _kill_switch_gone(edit, "is switched off")
    if weaker and edit.named & names.PROTECTION:
        return _unprotected(edit)
    return edit.signal(
        "switch_flipped",
        "low",
        f"is switched {'on' if new else 'off'}",
        "A switch acts at once, on everything that reads it.",
        "Flip it for a share of production first.",
    )


def _kill_switch_gone(edit: Edit, what: str) -> Signal:
    return edit.signal(
        "kill_switch_removed",
        "high",
        what,
        "It is what stops the damage when all else fails.",
        "Keep it until what it protects against is gone.",
    )


def _unprotected(edit: Edit) -> Signal:
    return edit.signal(
        "protection_turned_off",
        "medium",
        f"turns a protection off: {edit.step}",
        "Traffic, access or data is then unguarded, and nothing fails to tell of it.",
        "Keep it on; if it has to go, say until when and have its owner approve.",
    )


def exposure(edit: Edit) -> Signal | None:
    if edit.removed or not edit.named & names.EXPOSURE:
        return None
    old, new = _share(edit, edit.old), _share(edit, edit.new)
    if old is None or new is None or new - old < 0.25:
        return None
    return edit.signal(
        "exposure_jump",
        "high" if new - old >= 0.5 else "medium",
        f"exposes {new:.0%} at once (before: {old:.0%})",
        "Everybody meets a fault at the same moment.",
        "Raise it in steps, such as 1%, 5%, 25%, 50%, 100%, with a bake after each.",
    )


def _share(edit: Edit, value: Any) -> float | None:
    """As a fraction. A number above 1 on either side means that both count in percent."""
    percent = shapes.quantity_of(value)
    if percent is not None:
        return percent.value if percent.unit == "%" and 0 <= percent.value <= 1 else None
    both = [shapes.number_of(edit.old), shapes.number_of(edit.new)]
    scale = 100 if any(number is not None and number > 1 for number in both) else 1
    share = shapes.number_of(value)
    return None if share is None or not 0 <= share <= scale else share / scale


def magnitude(edit: Edit) -> Signal | None:
    old, new = _comparable(edit)
    if old is None or new is None or old == new:
        return None
    if new < 0 <= old:
        return _below_zero(edit, old, new)
    if new > INT32 >= old and shapes.quantity_of(edit.new) is None:
        return _far(edit, f"no longer fits 32 bits: {edit.step}")
    if new == 0:
        return _zero(edit)
    return _jump(edit, old, new)


def _comparable(edit: Edit) -> tuple[float | None, float | None]:
    old, new = shapes.quantity_of(edit.old), shapes.quantity_of(edit.new)
    if old and new and old.known and new.known and shapes.dimension(old) == shapes.dimension(new):
        return old.value, new.value
    return shapes.number_of(edit.old), shapes.number_of(edit.new)


def _below_zero(edit: Edit, old: float, new: float) -> Signal | None:
    """-1 often stands for "no limit" or "off"; a number below it stands for nothing."""
    if new == -1 and (old == 0 or edit.named & names.LIMIT):
        return edit.signal(
            "limit_lifted",
            "low",
            f"may mean without limit: {edit.step}",
            "-1 is a common way to write `unlimited`.",
            "Say the limit in figures.",
        )
    return edit.signal(
        "sign_changed",
        "medium",
        f"is negative now: {edit.step}",
        "A count, size or time below zero has no meaning, or a special one.",
        "Give a number that is not negative, or the word for the special meaning.",
    )


def _zero(edit: Edit) -> Signal:
    gone = bool(edit.tail & names.CAPACITY)
    return edit.signal(
        "capacity_to_zero" if gone else "set_to_zero",
        "high" if gone else "low",
        f"is zero now: {edit.step}",
        "Nothing is left to serve." if gone else "Zero means none, at once, or without limit.",
        "Say which of these is meant, and step towards it.",
    )


def _jump(edit: Edit, old: float, new: float) -> Signal | None:
    larger, smaller = max(abs(old), abs(new)), min(abs(old), abs(new))
    bare = shapes.quantity_of(edit.new) is None
    if smaller == 0 or larger < JUMP * smaller or (bare and larger < SMALL):
        return None
    return _far(edit, f"moves by a factor of {larger / smaller:,.0f}: {edit.step}")


def _far(edit: Edit, summary: str) -> Signal:
    return edit.signal(
        "magnitude",
        "medium",
        summary,
        "A digit or a unit too many is the commonest slip, and limits turn into outages.",
        "Move in steps of two or three, watching what the value limits.",
    )


RULES: Sequence[Rule] = (removed, exposure, switched, magnitude)


def check(edit: Edit) -> Signal | None:
    return next((found for rule in RULES if (found := rule(edit)) is not None), None)


_OPPOSITES = (("min", "max"), ("minimum", "maximum"), ("low", "high"), ("lower", "upper"),
              ("soft", "hard"), ("initial", "max"))  # fmt: skip


def crossed_bounds(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Signal]:
    """A lower bound above its upper bound, brought in by this change."""
    for lower, low in _OPPOSITES:
        for pointer in after:
            partner = _partner(pointer, lower, low)
            if partner in after and _over(after, pointer, partner):
                if _over(before, pointer, partner):
                    continue
                yield _crossed(pointer, partner)


def _partner(pointer: str, lower: str, upper: str) -> str:
    head, slash, tail = pointer.rpartition("/")
    if lower in tail:
        return head + slash + tail.replace(lower, upper)
    return head + slash + tail.replace(lower.capitalize(), upper.capitalize())


def _over(flat: Mapping[str, Any], lower: str, upper: str) -> bool:
    low, high = _comparable(Edit(lower, flat.get(lower), flat.get(upper)))
    return lower != upper and low is not None and high is not None and low > high >= 0


def _crossed(lower: str, upper: str) -> Signal:
    return Signal(
        id="bounds_crossed",
        severity="high",
        summary=f"{lower.lstrip('/')} is above {upper.lstrip('/')}",
        where=lower,
        why="No value satisfies both; many programs refuse to start.",
        remedy="Change both bounds together.",
    )
