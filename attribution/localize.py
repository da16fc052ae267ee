"""localize_case(case): which services hurt of themselves, ranked. PURE.

Where it is known who noticed, by what each contributes to that (`contributions`); where it is not,
by what each shows (`anywhere`). Where one unit of a
service alone is what hurts, it is named (`units`).
"""

from collections.abc import Mapping
from typing import Any

from attribution.anywhere import anywhere
from attribution.attribute_case import Case, read_case
from attribution.contributions import below_symptom
from attribution.units import standing_out

REPORTED = 20


def localize(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `localized` part of an attribute answer. Raises CaseError."""
    return localize_case(read_case(case))


def localize_case(case: Case) -> list[dict[str, Any]]:
    places = below_symptom(case, case.symptom) if case.symptom else anywhere(case)
    ranked = sorted(places, key=lambda place: (-place.score, place.service))
    units = standing_out(case)
    return [
        {
            "service": place.service,
            **({"unit": units[place.service]} if place.service in units else {}),
            "metric": place.metric,
            "score": round(place.score, 6),
        }
        for place in ranked[:REPORTED]
        if place.score > 0
    ]
