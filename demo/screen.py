"""What a person sees of the story: a live view on a terminal, plain lines anywhere else."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controlplane.terminal import render
from demo.cast import Round
from demo.outcome import Check
from demo.played import Played

LOG_WIDTH = 140


def _console() -> Console:
    """A log has no width; a table in it needs one."""
    console = Console()
    return console if console.is_terminal else Console(width=LOG_WIDTH)


@dataclass
class Screen:
    console: Console = field(default_factory=_console)
    started: float = field(default_factory=time.monotonic)
    shown: dict[str, str] = field(default_factory=dict)
    picture: Live | None = None

    @property
    def is_live(self) -> bool:
        return self.console.is_terminal

    @contextmanager
    def live(self) -> Iterator[None]:
        """A picture that moves while a round is played; what is printed goes above it."""
        if not self.is_live:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, vertical_overflow="visible") as live:
            self.picture = live
            try:
                yield
            finally:
                self.picture = None

    def note(self, text: str) -> None:
        spent = time.monotonic() - self.started
        line = Text(f"{spent:6.1f} s  ", style="dim").append(text, style="not dim")
        self.console.print(line, soft_wrap=True)

    def open(self, scene: Round) -> None:
        self.console.rule(f"Round {scene.number}: {scene.title}")
        if scene.culprit and scene.fault:
            fault = ", ".join(f"{k} {v}" for k, v in scene.fault.items())
            self.note(f"bad: {scene.culprit.service} ({fault}); Graygate is not told")

    def submitted(self, each: Played) -> None:
        self.note(f"{each.title}: submitted, {each.decision['decision']}")

    def show(self, played: Sequence[Played]) -> None:
        if self.picture is not None:
            titles = {each.change: each.title for each in played}
            views = [replace(each.view, titles=titles) for each in played]
            self.picture.update(Group(*(render(view, datetime.now(UTC)) for view in views)))
            return
        for each in played:
            line = summary(each)
            if self.shown.get(each.change) != line:
                self.shown[each.change] = line
                self.note(line)

    def table(self, title: str, checks: Sequence[Check]) -> None:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for column in ("", "expected", "read back"):
            table.add_column(column, overflow="fold")
        for check in checks:
            mark = "[green]✔[/green]" if check.holds else "[red]✖[/red]"
            table.add_row(mark, check.what, check.seen)
        self.console.print(table)


def summary(each: Played) -> str:
    """One line that changes only when something happened."""
    rollout: dict[str, Any] = each.rollout
    if not rollout:
        return f"{each.title}: {each.decision.get('decision')}"
    stages = rollout.get("stages", [])
    stage = rollout.get("stage")
    now = stages[stage] if isinstance(stage, int) and stage < len(stages) else None
    where = f"stage {stage + 1}/{len(stages)} {now['state']}" if now and stage is not None else ""
    holds = ", ".join(hold["kind"] for hold in rollout.get("holds", []))
    last = rollout.get("decisions", [])[-1:]
    why = "; ".join(last[0]["reasons"]) if last else ""
    parts = [
        f"{each.decision.get('decision')}",
        f"exposure {rollout.get('exposure', 0):.0%}",
        where,
        f"on hold: {holds}" if holds else "",
        why,
    ]
    return f"{each.title}: " + " · ".join(part for part in parts if part)
