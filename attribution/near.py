"""The part of a large fleet in which an anomaly and its cause lie. PURE.

One answer is to take no longer on 5,000 services and 10,000 changes than on some hundreds, and what
is far must not dilute what is near. So services are bounded here (changes in `likeliest.py`): where
it was noticed, what that reaches down the calls, nearest first, what its callers call beside it
(they may share a database), and who calls any of what it reaches. Every way in which a change does
harm (`ways.py`) leads over one of these.
"""

from collections.abc import Collection
from dataclasses import replace
from itertools import chain, islice

from attribution.attribute_case import Case
from attribution.calls import called_by, downwards

MOST_REACHED = 300
MOST_BESIDE = 50
MOST_SERVICES = 500


def around(case: Case, starts: Collection[str]) -> Case:
    """The case of the services around `starts`.

    The same case where there are no more than these, and where it does not know who calls whom at
    `starts`: then nothing tells near from far.
    """
    if len({*case.calls, *chain.from_iterable(case.calls.values())}) <= MOST_SERVICES:
        return case
    near = _near(case, starts)
    if len(near) <= 1:
        return case
    return replace(
        case,
        calls={name: callees for name, callees in case.calls.items() if name in near},
        changes=tuple(each for each in case.changes if each.service in near),
        series=tuple(each for each in case.series if (each.peer or each.service) in near),
    )


def _near(case: Case, starts: Collection[str]) -> set[str]:
    reached = [name for name, _ in islice(downwards(case.calls, starts), MOST_REACHED)]
    callers = called_by(case.calls)
    above = [caller for each in reached for caller in callers.get(each, ())]
    beside = [
        sibling
        for start in starts
        for caller in callers.get(start, ())
        for sibling in case.calls[caller]
    ]
    return set(islice(dict.fromkeys([*reached, *beside[:MOST_BESIDE], *above]), MOST_SERVICES))
