"""What was looked at how often, and what was not as it has to be."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Findings:
    checked: Counter[str] = field(default_factory=Counter)
    # (seed, what is wrong)
    violations: list[tuple[int, str]] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def look(self, check: str, seed: int, problem: str) -> bool:
        """`problem` is empty where it is as it has to be."""
        self.checked[check] += 1
        if problem:
            self.violations.append((seed, f"{check}: {problem}"))
        return not problem

    def of(self, seed: int) -> list[str]:
        return [text for whose, text in self.violations if whose == seed]
