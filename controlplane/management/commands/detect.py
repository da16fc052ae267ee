"""`manage.py detect [FILE] [--batch FILE]`: where does a series leave its own past? No database."""

from typing import Any

from attribution.detect import detect
from controlplane.case_command import CaseCommand


class Command(CaseCommand):
    help = "Find anomalies in one series (JSON) that has no control."

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        return detect(case)

    def say(self, answer: dict[str, Any]) -> str:
        return f"{len(answer['anomalies'])} anomalies in {len(answer['scores'])} points"
