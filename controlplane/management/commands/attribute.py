"""`manage.py attribute [FILE] [--batch FILE]`: which change did it? No database."""

from typing import Any

from attribution.attribute import attribute
from controlplane.case_command import CaseCommand


class Command(CaseCommand):
    help = "Attribute one anomaly (JSON) to the changes under way, or to none of them."

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        return attribute(case)

    def say(self, answer: dict[str, Any]) -> str:
        lines = [f"{s['probability']:.0%} {s['change']}" for s in answer["suspects"][:3]]
        return ", ".join([*lines, f"{answer['none_of_them']:.0%} none of them"])
