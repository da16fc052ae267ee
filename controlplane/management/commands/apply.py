"""`apply -f DIR [--dry-run] [--prune]`: what the files say becomes what is stored, or nothing."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, OperationalError

from controlplane.configuration.applying import Plan, apply
from controlplane.configuration.difference import CHANGE, CREATE, REMOVE, Step
from controlplane.configuration.items import ConfigurationError, items_of, read_folder

DIFFERS = 2
MOST_KEPT = 20


class Command(BaseCommand):
    help = (
        "Apply services, guardrails, policies, freezes and silences from YAML files, in one "
        "transaction. Exit 0: done, or nothing to do; 1: an error, nothing was changed; "
        "2: --dry-run found a difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-f", "--filename", required=True, metavar="DIR", help="or one file")
        parser.add_argument("--dry-run", action="store_true", help="show what would be done")
        parser.add_argument(
            "--prune", action="store_true", help="remove what is stored and not in the files"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        try:
            items = items_of(read_folder(Path(options["filename"])))
            if not items and options["prune"]:
                raise CommandError("The files hold nothing: --prune would remove everything.")
            plan = apply(items, prune=options["prune"], dry_run=dry_run)
        except ConfigurationError as problem:
            raise CommandError(f"{problem}\nNothing was changed.") from None
        except OperationalError as problem:
            detail = f"The database did not take it: {problem}\nNothing was changed: run it again."
            raise CommandError(detail) from None
        except IntegrityError:
            detail = "Somebody else wrote at the same moment. Nothing was changed: run it again."
            raise CommandError(detail) from None
        for line in lines_of(plan, dry_run=dry_run, prune=options["prune"]):
            self.stderr.write(line)
        self.stdout.write(json.dumps(answer_of(plan, dry_run=dry_run)))
        if dry_run and plan.steps:
            sys.exit(DIFFERS)


def lines_of(plan: Plan, *, dry_run: bool, prune: bool) -> Iterator[str]:
    """What a person reads: what is done, what is left alone and why, how much that is."""
    for step in plan.steps:
        yield f"{step.sign} {step.key}"
        for field in step.fields:
            yield f"    {field.path}: {field.old} → {field.new}"
    for step in plan.kept[:MOST_KEPT]:
        yield f"{step.sign} {step.key}: stored, not in the files{_because(step)}"
    if len(plan.kept) > MOST_KEPT:
        yield f"? and {len(plan.kept) - MOST_KEPT} more that are not in the files"
    for key in plan.over:
        yield f". {key}: has ended, left out"
    yield _sum(plan, dry_run=dry_run)
    if plan.kept and not prune:
        yield "--prune removes what is not in the files."


def _because(step: Step) -> str:
    return f"; kept: {step.why}" if step.why else ""


def _sum(plan: Plan, *, dry_run: bool) -> str:
    if not plan.steps:
        return "Nothing to do."
    words = {CREATE: "created", CHANGE: "changed", REMOVE: "removed"}
    counts = ", ".join(f"{count} {words[sign]}" for sign, count in plan.counts.items() if count)
    return f"Would be: {counts}." if dry_run else f"Done: {counts}."


def answer_of(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    """For a pipeline: one JSON object on standard output."""
    named = {"created": CREATE, "changed": CHANGE, "removed": REMOVE}
    done = {
        word: [str(step.key) for step in plan.steps if step.sign == sign]
        for word, sign in named.items()
    }
    return {"applied": not dry_run, **done, "not_in_files": [str(step.key) for step in plan.kept]}
