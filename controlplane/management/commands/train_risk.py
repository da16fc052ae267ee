"""`manage.py train_risk`: learn from this installation's outcomes how likely changes go wrong."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from controlplane import learning
from controlplane.risk.kinds import KINDS
from controlplane.risk.learned.model import CALIBRATED_FROM


class Command(BaseCommand):
    help = (
        "Train a likelihood for each kind of change on recorded outcomes. It takes the present "
        "one's place only when it is better on later outcomes. Cards go to standard output."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", action="append", choices=list(KINDS), help="default: all")
        parser.add_argument("--dry-run", action="store_true", help="compare, store nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name in options["kind"] or KINDS:
            found = learning.train(KINDS[name], store=not options["dry_run"])
            self.stderr.write(said(found, stored=not options["dry_run"]))
            self.stdout.write(json.dumps(card(found)))


def said(found: learning.Training, *, stored: bool) -> str:
    verb = ("stored" if stored else "would be stored") if found.accepted else "not stored"
    calibrated = found.model is not None and found.model.calibrated
    doubt = "" if calibrated else f"; uncalibrated: {found.outcomes} of {CALIBRATED_FROM} outcomes"
    return f"{found.kind}: {verb}: {found.reason}{doubt}"


def card(found: learning.Training) -> dict[str, Any]:
    """The model card, without the weights."""
    return {
        "kind": found.kind,
        "outcomes": found.outcomes,
        "accepted": found.accepted,
        "reason": found.reason,
        "calibrated": found.model.calibrated if found.model else False,
        "card": dict(found.model.card) if found.model else None,
    }
