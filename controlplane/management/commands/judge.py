"""`manage.py judge [FILE] [--batch FILE]`: may this canary go on? No database."""

from typing import Any

from attribution.judge import judge
from controlplane.case_command import CaseCommand


class Command(CaseCommand):
    help = "Judge one case (JSON): canary against control."

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        return judge(case)

    def say(self, answer: dict[str, Any]) -> str:
        when = "" if answer["decided_at"] is None else f" at interval {answer['decided_at']}"
        return f"{answer['verdict']}: {answer['reason']}{when}"
