"""`import_guardrails FORMAT FILE...`: rules of other tools as guardrails. No database."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.configuration.exporting import document
from controlplane.configuration.items import ConfigurationError, Key, read_folder
from controlplane.configuration.values import is_name
from controlplane.configuration.writing import text_of
from controlplane.importing.found import Asked, Found
from controlplane.importing.reading import FORMATS, import_texts


class Command(BaseCommand):
    help = (
        "Read Argo AnalysisTemplates, Flagger MetricTemplates and Canaries, Kayenta canary "
        "configs, Prometheus alerting rules or OpenSLO, and write guardrails as YAML. What could "
        "not be carried over goes to standard error, each with its place and why."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("format", choices=FORMATS)
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or a folder of YAML")
        parser.add_argument("-o", "--output", metavar="DIR", help="instead of standard output")
        parser.add_argument("--service", default="", help="the service that they guard")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="what stands for a placeholder of the queries",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        values = dict(_pair(each) for each in options["set"])
        try:
            texts = [text for file in options["files"] for text in read_folder(Path(file))]
        except ConfigurationError as problem:
            raise CommandError(str(problem)) from None
        found = import_texts(options["format"], texts, Asked(options["service"], values))
        written = _texts(found)
        if options["output"]:
            try:
                _write(Path(options["output"]), written)
            except OSError as problem:
                raise CommandError(f"Cannot write: {problem}") from None
        else:
            self.stdout.write("---\n".join(written.values()), ending="")
        self._tell(found)
        if found.metrics and not found.guardrails:
            sys.exit(1)

    def _tell(self, found: Found) -> None:
        for note in found.notes:
            self.stderr.write(str(note))
        made = len(found.guardrails)
        self.stderr.write(f"{made} of {found.metrics} metrics became guardrails.")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise CommandError(f"--set {text}: NAME=VALUE is wanted.")
    return name, value


def _texts(found: Found) -> dict[str, str]:
    """Service → its guardrails."""
    by_service: dict[str, list[dict[str, Any]]] = {}
    for guardrail in found.guardrails:
        spec = {name: value for name, value in guardrail.items() if name != "service"}
        key = Key("Guardrail", guardrail["name"], guardrail["service"])
        by_service.setdefault(guardrail["service"], []).append(document(key, spec))
    return {service: text_of(some) for service, some in sorted(by_service.items())}


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Writes a file a service, and over no other file."""
    paths = {folder / f"{_file(service)}.yaml": text for service, text in texts.items()}
    others = [
        path for path, text in paths.items() if path.exists() and path.read_bytes() != text.encode()
    ]
    if others:
        raise CommandError(f"{_listed(others)} would be written over: nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")


def _file(service: str) -> str:
    return f"{service if is_name(service) else 'service'}-guardrails"


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(str(path) for path in paths)
