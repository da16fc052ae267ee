"""`manage.py classify [FILE] [--batch FILE]`: how risky is this change, and why. No database."""

from typing import Any

from controlplane.case_command import CaseCommand
from controlplane.risk.classify import classify


class Command(CaseCommand):
    help = "Classify one case (JSON): risk, signals and the policy that follows."

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        return classify(case)

    def say(self, answer: dict[str, Any]) -> str:
        return f"{answer['level']} ({answer['score']:.0f} of 100)"
