"""`manage.py classify [FILE] [--batch FILE]`: how risky is this change, and why. No database."""

from typing import Any

from controlplane.case_command import CaseCommand
from controlplane.risk.classify import classify


class Command(CaseCommand):
    help = "Classify one case (JSON): risk, signals and the policy that follows."

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        return classify(case)

    def say(self, answer: dict[str, Any]) -> str:
        told = f"{answer['level']} ({answer['score']:.0f} of 100)"
        lower = answer["explanation"]["lower"]
        return (
            told if not lower else f"{told}; {lower['level']} without {', '.join(lower['without'])}"
        )
