"""`manage.py discover --prometheus NAME_OR_URL`: what could be watched, as YAML."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from attribution.credentials import Credentials, credentials
from attribution.discovering import Discovered, Given, discover, target_of
from attribution.discovery.calls import components
from attribution.discovery.facts import Component
from attribution.discovery.sensitivity import Plan
from attribution.errors import CaseError
from attribution.guardrails import check_matchers
from attribution.sources.metadata_api import MetadataError
from attribution.sources.query_api import Server
from controlplane.discovery_files import OthersFileError, files, stream, write, yaml_of
from controlplane.discovery_table import lines_of, printable
from controlplane.risk.documents import parse
from controlplane.risk.reading import MOST_CHARACTERS, UnreadableError

UNNAMED = "discovered"


class Command(BaseCommand):
    help = (
        "Propose services, cohorts, calls and guardrails from what a Prometheus has, with their "
        "present values and what they could detect. YAML on standard output, or with --write as "
        "files for `apply`; nothing is changed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prometheus",
            required=True,
            metavar="NAME_OR_URL",
            help="a name among `sources` of the operator's file, or an address typed here: it is "
            "asked without credentials unless the file has it",
        )
        parser.add_argument("--write", metavar="DIR", help="one file a service, instead of stdout")
        parser.add_argument("--force", action="store_true", help="overwrite files that differ")
        parser.add_argument(
            "--only", default="", metavar="MATCHERS", help="""look at a part: 'namespace="shop"'"""
        )
        parser.add_argument(
            "--catalog",
            action="append",
            default=[],
            metavar="FILE",
            help="a catalog-info.yaml of Backstage; may be given several times",
        )
        parser.add_argument("--share", type=float, default=0.05, help="the canary's (0.05)")
        parser.add_argument("--intervals", type=int, default=60, help="looks of a stage (60)")
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds for all of it")

    def handle(self, *_args: Any, **options: Any) -> None:
        plan = _plan(options)
        server = _server(options["prometheus"])
        catalogue = tuple(each for path in options["catalog"] for each in _catalogue(Path(path)))
        targets = tuple(target_of(*each) for each in sorted(settings.OPERATOR.targets.items()))
        try:
            if options["only"]:
                check_matchers(options["only"], "--only")
            found = discover(
                server, Given(targets, catalogue), options["timeout"], options["only"], _say
            )
        except MetadataError as problem:
            raise CommandError(printable(str(problem))) from None
        except CaseError as problem:
            raise CommandError(f"{problem.detail} ({problem.pointer})") from None
        for line in _told(found, plan):
            _say(line)
        if not found.proposals:
            raise CommandError(NOTHING)
        _put_out(found, server, plan, options)


NOTHING = (
    "No service was found. Wanted: counters of requests (…_total, …_count) or histograms of "
    "durations (…_bucket) with a label such as service, app or job; docs/discovery.md has the names"
)


def _plan(options: dict[str, Any]) -> Plan:
    if not 0 < options["share"] < 1:
        raise CommandError("--share is a fraction between 0 and 1")
    if not 1 <= options["intervals"] <= 100_000 or not 1 <= options["timeout"] <= 3_600:
        raise CommandError("--intervals is 1 to 100000, --timeout 1 to 3600 seconds")
    interval_s, alpha = settings.GRAYGATE_INTERVAL_S, settings.GRAYGATE_ALPHA_HALT
    return Plan(options["share"], options["intervals"], interval_s, alpha)


def _server(given: str) -> Server:
    """By its name; or by an address, which the operator may type: nobody else can get here."""
    sources = settings.OPERATOR.sources
    name = given if given in sources else _name_of(given)
    if name is not None:
        entry = sources[name]
        try:
            return Server(name, str(entry["url"]), credentials(entry))
        except (ValueError, KeyError, TypeError) as problem:
            raise CommandError(f"source {name!r} of the operator's file: {problem}") from None
    if "://" not in given:
        known = ", ".join(sorted(sources)) or "none"
        raise CommandError(f"{given!r} is not among `sources` of the operator's file: {known}")
    _check_address(given)
    return Server(UNNAMED, given, Credentials())


def _name_of(address: str) -> str | None:
    same = address.rstrip("/")
    for name, entry in settings.OPERATOR.sources.items():
        if isinstance(entry, dict) and str(entry.get("url")).rstrip("/") == same:
            return str(name)
    return None


def _check_address(address: str) -> None:
    """Not repeated in the message: it may hold a password."""
    try:
        parts = urlsplit(address)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(mark in address for mark in "@?#") or not address.isprintable():
        raise CommandError(
            "--prometheus takes http://host[:port][/path]; name and password belong into "
            "`sources` of the operator's file, and the name of the source here"
        )


def _catalogue(path: Path) -> list[Component]:
    try:
        with path.open(encoding="utf-8") as file:
            parsed = parse(file.read(MOST_CHARACTERS + 1), "catalog-info.yaml")
    except (OSError, UnicodeDecodeError, UnreadableError) as problem:
        raise CommandError(f"{path}: {problem}") from None
    return components(parsed if isinstance(parsed, list) else [parsed])


def _told(found: Discovered, plan: Plan) -> Iterator[str]:
    for proposal in found.proposals:
        yield ""
        yield from lines_of(proposal, plan)
    yield ""
    for remark in found.remarks:
        yield printable(f"! {remark}")


def _put_out(found: Discovered, server: Server, plan: Plan, options: dict[str, Any]) -> None:
    texts = dict(_texts(found, server, plan))
    if not texts:
        raise CommandError("None of them can be proposed as a service.")
    try:
        if options["write"]:
            folder = Path(options["write"])
            count = write(folder, files(texts), force=options["force"])
            _say(f"{count} files written to {folder}, {len(texts) - count} were so already")
        else:
            sys.stdout.writelines(stream(texts))
    except OthersFileError as problem:
        raise CommandError(f"{problem}. --force overwrites") from None
    except OSError as problem:
        raise CommandError(f"cannot write: {problem}") from None
    if server.name not in settings.OPERATOR.sources:
        _say(
            f'Before `apply`: put "sources": {{"{UNNAMED}": {{"url": …}}}} into the operator\'s '
            "file; a source is read under a name only"
        )


def _texts(found: Discovered, server: Server, plan: Plan) -> Iterator[tuple[str, str]]:
    """What the API would refuse is told: one service with odd labels hides no other."""
    for each in found.proposals:
        try:
            yield each.name, yaml_of(each, server.name, plan)
        except CaseError as problem:
            why = f"{problem.pointer.removeprefix(f'/{each.name}')}: {problem.detail}"
            _say(printable(f"! {each.name} was left out: {why}"))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
