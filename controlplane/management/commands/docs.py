"""`docs`: write the parts of docs/ that come out of the code; `--check` fails when they are old."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rollout.machine import MACHINES, Transition


class Command(BaseCommand):
    help = "Write the generated pages of docs/, or check that they are up to date."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        pages = {Path(settings.BASE_DIR, "docs", "state-machines.md"): state_machines()}
        for path, content in pages.items():
            if not options["check"]:
                path.write_text(content, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != content:
                raise CommandError(f"{path.name} is old: run `make docs` and commit it")


def state_machines() -> str:
    lines = [
        "# State machines",
        "",
        "Generated from `rollout/machine.py` by `make docs`. Do not edit.",
        "",
    ]
    for name, rows in MACHINES.items():
        lines += [f"## {name.capitalize()}", "", *diagram(rows), "", *table(rows), ""]
    return "\n".join(lines)


def diagram(rows: tuple[Transition, ...]) -> list[str]:
    arrows = [f"    {t.source} --> {t.target}: {t.event}" for t in rows]
    return ["```mermaid", "stateDiagram-v2", f"    [*] --> {rows[0].source}", *arrows, "```"]


def table(rows: tuple[Transition, ...]) -> list[str]:
    body = [f"| {t.source} | {t.event} | {t.guard} | {t.target} |" for t in rows]
    return ["| from | event | guard | to |", "| --- | --- | --- | --- |", *body]
