"""What a run has shown: by kind of fault, and by check."""

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.findings import Findings
from tests.chaos.plan import KINDS
from tests.chaos.schedule import Schedule

HEAD = ("fault", "schedules", "struck", "rollouts", "completed", "rolled back", "violations")


@dataclass
class Report:
    findings: Findings
    begun: float = field(default_factory=time.monotonic)
    schedules: list[int] = field(default_factory=list)
    # (kind of fault, what) → how often
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, schedule: Schedule) -> None:
        plan = schedule.plan
        self.schedules.append(plan.seed)
        for struck in schedule.struck:
            self.counts[struck.kind, "struck"] += 1
        for kind in plan.kinds | {"all"}:
            self.counts[kind, "schedules"] += 1
            self.counts[kind, "rollouts"] += len(schedule.parts)
            for part in schedule.parts:
                self.counts[kind, part.phase.replace("_", " ") or "never begun"] += 1
            self.counts[kind, "violations"] += len(self.findings.of(plan.seed))
        self.counts["all", "struck"] += len(schedule.struck)

    def line(self, schedule: Schedule, waiting: int) -> str:
        how = ", ".join(
            f"{p.actor.service} {p.phase or 'never begun'}"
            + (f" (answered: {', '.join(sorted(p.answered))})" if p.answered else "")
            for p in schedule.parts
        )
        took = schedule.ended - schedule.began
        faults = " ".join(sorted(schedule.plan.kinds))
        later = f"; {waiting} messages on their way" if waiting else ""
        return f"seed {schedule.plan.seed}, {took:.1f} s, {faults}: {how}{later}"

    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def text(self) -> str:
        lines = ["| " + " | ".join(HEAD) + " |", "| " + " | ".join("---" for _ in HEAD) + " |"]
        for kind in (*KINDS, "all"):
            cells = [str(self.counts[kind, what]) for what in HEAD[1:]]
            lines.append("| " + " | ".join([kind.replace("_", " "), *cells]) + " |")
        lines += ["", "| checked | times |", "| --- | --- |"]
        lines += [f"| {name} | {n} |" for name, n in sorted(self.findings.checked.items())]
        lines += [f"| ({name}) | {n} |" for name, n in sorted(self.findings.counted.items())]
        seconds = self.seconds()
        found = len(self.findings.violations)
        lines.append(f"\n{len(self.schedules)} schedules, {seconds:.0f} s: {found} violations")
        return "\n".join(lines)
