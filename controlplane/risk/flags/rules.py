"""What a change of one flag brings in: for whom something else is on, and what can no longer be."""

from collections import Counter
from collections.abc import Callable, Iterator

from attribution.pointers import pointer_step
from controlplane.risk import names
from controlplane.risk.flags.definition import CODE_DEFAULT, Flag, Shares
from controlplane.risk.signals import Severity, Signal

# Of everybody whom no condition names: so many get something else at once.
SMALL_STEP, LARGE_STEP = 0.1, 0.5
WHOLE = 100.0
Rule = Callable[[Flag | None, Flag], Iterator[Signal]]


def told(  # noqa: PLR0913, PLR0917 - what a signal has
    flag: str, name: str, severity: Severity, summary: str, why: str, remedy: str, part: str = ""
) -> Signal:
    key = pointer_step(flag)
    where = f"/flags/{key}/{part}".rstrip("/")
    return Signal(name, severity, f"{flag[:100]}: {summary}", where, why, remedy)


def moved(before: Shares, after: Shares) -> float:
    """How many of everybody get another variant than before: the total variation distance."""
    variants = before.keys() | after.keys()
    return sum(abs(after.get(v, 0.0) - before.get(v, 0.0)) for v in variants) / 2


def exposure(before: Flag | None, after: Flag) -> Iterator[Signal]:
    """A flag that nobody had before changes nothing for who asks for it not yet."""
    if before is None or after.opaque or before.opaque:
        return
    old, new = before.everybody_else, after.everybody_else
    share = moved(old.shares, new.shares)
    if share <= 0:
        return
    severity: Severity = "high" if share > LARGE_STEP else "medium" if share > SMALL_STEP else "low"
    yield told(
        after.key,
        "exposure_jump" if share > SMALL_STEP else "exposure_step",
        severity,
        f"{share:.0%} of everybody gets another variant ({_shown(old.shares)} → "
        f"{_shown(new.shares)})",
        "All of them meet it in the same second, whatever the plan of the rollout says.",
        "Let the flag grow in the rollout's own stages, a few percent first.",
        "targeting" if after.branches else "defaultVariant",
    )


def _shown(shares: Shares) -> str:
    return ", ".join(f"{name[:40]} {share:.0%}" for name, share in sorted(shares.items())[:4])


def default_variant(before: Flag | None, after: Flag) -> Iterator[Signal]:
    if before is None or before.default == after.default:
        return
    names_of = [flag.default or CODE_DEFAULT for flag in (before, after)]
    yield told(
        after.key,
        "default_variant_changed",
        "medium",
        f"the default is another one ({names_of[0][:40]} → {names_of[1][:40]})",
        "Whoever no rule is for gets it, and everybody when the rules cannot be evaluated.",
        "Try the new variant on a share by `fractional` first; change the default last.",
        "defaultVariant",
    )


def state(before: Flag | None, after: Flag) -> Iterator[Signal]:
    if before is None or before.enabled == after.enabled:
        return
    turned = "on" if after.enabled else "off"
    yield told(
        after.key,
        "flag_switched",
        "medium",
        f"evaluation is switched {turned}",
        "While it is off every caller takes the default in its own code, which is not in here.",
        "Make sure that each caller's default is what is wanted, then switch.",
        "state",
    )


def unknown_variant(before: Flag | None, after: Flag) -> Iterator[Signal]:
    missing = sorted(after.named - after.variants.keys())
    if not missing or (before and missing == sorted(before.named - before.variants.keys())):
        return
    yield told(
        after.key,
        "unknown_variant",
        "high",
        f"{', '.join(missing)[:80]} is none of its variants",
        "An evaluation that leads there is an error, and the caller takes its own default.",
        "Add the variant, or name one that there is.",
        "variants",
    )


def variant_taken_out(before: Flag | None, after: Flag) -> Iterator[Signal]:
    gone = sorted(before.variants.keys() - after.variants.keys()) if before else []
    if gone:
        yield told(
            after.key,
            "variant_removed",
            "medium",
            f"{', '.join(gone)[:80]} is no variant any more",
            "There is no going back to it by the flag alone.",
            "Take a variant out when nobody has got it for some time.",
            "variants",
        )


def types(before: Flag | None, after: Flag) -> Iterator[Signal]:
    """Flagd refuses a flag of mixed types; a caller that asks for another type gets its default."""
    kinds = {_kind(value) for value in after.variants.values()}
    were = {_kind(value) for value in before.variants.values()} if before else kinds
    if len(kinds) > 1 and (before is None or len(were) == 1):
        found, severity = f"its variants are of several types ({', '.join(sorted(kinds))})", "high"
    elif kinds and were and kinds != were:
        found = f"its variants are of another type ({', '.join(sorted(were))} → {min(kinds)})"
        severity = "high"
    else:
        return
    yield told(
        after.key,
        "variant_type",
        severity,  # type: ignore[arg-type]  # one of two literals
        found,
        "Callers ask for one type; an evaluation that gives another is an error to them.",
        "Make a new flag for the new type, and take this one out when nobody asks for it.",
        "variants",
    )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def overlapping(before: Flag | None, after: Flag) -> Iterator[Signal]:
    conditions = Counter(branch.condition for branch in after.branches if branch.condition)
    twice = [condition for condition, count in conditions.items() if count > 1]
    known = {branch.condition for branch in before.branches} if before else set()
    if twice and not (set(twice) <= known and before == after):
        yield told(
            after.key,
            "overlapping_targeting",
            "medium",
            "one condition stands twice",
            "Only the first is ever reached: whom the second was for gets something else.",
            "Take one of them out, or make them tell apart.",
            "targeting",
        )


def weights(before: Flag | None, after: Flag) -> Iterator[Signal]:
    for place, branch in enumerate(after.branches):
        same = before and place < len(before.branches) and before.branches[place] == branch
        if same or not branch.weights:
            continue
        total = sum(branch.weights)
        if total == 0:
            yield told(
                after.key,
                "split_of_nothing",
                "high",
                "all weights of a split are 0",
                "Nobody falls into any part: the evaluation gives nothing.",
                "Give at least one part a weight.",
                "targeting",
            )
        elif len(set(branch.weights)) > 1 and total != WHOLE:
            yield told(
                after.key,
                "split_not_a_hundred",
                "low",
                f"the weights of a split add up to {total:g}",
                "Weights are relative: the parts are not the percentages that they look like.",
                "Let them add up to 100.",
                "targeting",
            )


def bucketing(before: Flag | None, after: Flag) -> Iterator[Signal]:
    old = [branch.bucketing for branch in before.branches if branch.bucketing] if before else []
    new = [branch.bucketing for branch in after.branches if branch.bucketing]
    if old and new and old != new:
        yield told(
            after.key,
            "rebucketed",
            "medium",
            "what decides who falls into which part is another",
            "Everybody is dealt out anew: people flip between variants though no share changed.",
            "Keep what is bucketed by while the flag is being rolled out.",
            "targeting",
        )


def opaque(before: Flag | None, after: Flag) -> Iterator[Signal]:
    if after.opaque and before != after:
        yield told(
            after.key,
            "targeting_not_followed",
            "medium",
            "its targeting is more than this reader follows",
            "Who gets what cannot be told, and so not what this changes.",
            "Have somebody who knows the flag look at it, or split by `if` and `fractional`.",
            "targeting",
        )


def removed(flag: Flag) -> Signal:
    if names.words(flag.key) & names.KILL:
        return told(
            flag.key,
            "kill_switch_removed",
            "high",
            "a kill switch is taken out",
            "What it could turn off cannot be turned off any more without a deployment.",
            "Keep it for as long as what it guards is there.",
        )
    return told(
        flag.key,
        "flag_removed",
        "medium",
        "the flag is taken out",
        "Callers that still ask for it take the default in their own code.",
        "Take it out of all callers first, and see that nobody asks for it any more.",
    )


RULES: tuple[Rule, ...] = (
    exposure,
    default_variant,
    state,
    unknown_variant,
    variant_taken_out,
    types,
    overlapping,
    weights,
    bucketing,
    opaque,
)
