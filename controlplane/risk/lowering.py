"""What would lower the level: the findings without which it would be lower. PURE."""

from collections.abc import Callable, Sequence
from typing import Any

from controlplane.risk.signals import Level, Signal, rank

# Findings of so many kinds are looked at; a change with more has other worries.
MOST = 40

Graded = Callable[[Sequence[Signal]], Level]


def lowering(signals: Sequence[Signal], graded: Graded) -> dict[str, Any] | None:
    """`{"level", "without": [ids]}`, no id of it dispensable; None where no finding keeps it up,
    but where the change goes. `signals`: the worst first.
    """
    level = graded(signals)
    ids = list(dict.fromkeys(signal.id for signal in signals))[:MOST]
    mended: list[str] = []
    for each in ids:
        mended.append(each)
        if rank(graded(_without(signals, mended))) < rank(level):
            break
    else:
        return None
    for each in mended[:-1]:
        fewer = [other for other in mended if other != each]
        if rank(graded(_without(signals, fewer))) < rank(level):
            mended = fewer
    return {"level": graded(_without(signals, mended)), "without": mended}


def _without(signals: Sequence[Signal], ids: Sequence[str]) -> list[Signal]:
    return [signal for signal in signals if signal.id not in ids]
