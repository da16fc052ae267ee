"""Whether one unit alone is what hurts on a service, as its series of units tell. PURE.

As in Adtributor (Bhagwan et al., NSDI'14) a value of a dimension explains what hurts by its share
of all that is worse, and is only worth naming when it is succinct: here one unit of several.
"""

from collections import defaultdict

from attribution.attribute_case import Case
from attribution.harms import HARMFUL, family, harms, median

ANOMALOUS = 2.0  # z
FLOOR = 0.05  # of the usual level
EXPLAINS = 0.67  # of what is worse on all units of the service, in one metric
FEWEST = 3  # units


def standing_out(case: Case) -> dict[str, str]:
    """By service, the one unit that explains what hurts there; nothing of the others."""
    of_units = [s for s in case.series if s.unit is not None and family(s.metric) in HARMFUL]
    worse: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    anomalous: set[tuple[str, str, str]] = set()
    for harm in harms(of_units, case.detected_at, median, FLOOR):
        series, unit = harm.series, harm.series.unit or ""
        amounts = worse[series.service, series.metric]
        amount = max(harm.excess, 0.0) * (1.0 if harm.requests is None else harm.requests)
        amounts[unit] = amounts.get(unit, 0.0) + amount
        if harm.z > ANOMALOUS:
            anomalous.add((series.service, series.metric, unit))
    found: dict[str, tuple[float, str]] = {}
    for (service, metric), amounts in sorted(worse.items()):
        unit = max(sorted(amounts), key=lambda each: amounts[each])
        share = amounts[unit] / (sum(amounts.values()) or 1.0)
        if len(amounts) >= FEWEST and share >= EXPLAINS and (service, metric, unit) in anomalous:
            found[service] = max(found.get(service, (0.0, "")), (share, unit))
    return {service: unit for service, (_, unit) in found.items()}
