"""`manage.py watch CHANGE…`: follow changes live on a terminal. Needs the API, not the database."""

import os
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console, Group
from rich.live import Live

from controlplane.terminal import View, render

TIMEOUT_S = 15
LOOK_EVERY_S = 1.0
FINAL = frozenset(
    ["completed", "rolled_back", "rollback_failed", "failed", "canceled", "rejected", "expired"]
)


class Reader:
    """Reads what one view shows; a change that is not there is an error, a lost server is not."""

    def __init__(self, url: str, token: str) -> None:
        self.url = f"{url.rstrip('/')}/api/v1/"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        answer = self.session.get(self.url + path, timeout=TIMEOUT_S)
        if not answer.ok:
            raise CommandError(f"{path}: HTTP {answer.status_code}: {_detail(answer)}")
        return answer.json()

    def view(self, change_id: str) -> View:
        change = self.get(f"changes/{change_id}")
        decision = self.get(f"changes/{change_id}/decision")
        if not (rollout := decision.get("rollout")):
            return View(change, decision)
        series = self.get(f"rollouts/{rollout}/series")
        return View(change, decision, self.get(f"rollouts/{rollout}"), series)


def _detail(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason
    return str(body.get("detail") or body.get("title"))


class Command(BaseCommand):
    help = "Follow changes live: stages, exposure, verdict, suspects, decisions."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("changes", nargs="+", metavar="CHANGE", help="id of a change")
        parser.add_argument("--url", default=os.environ.get("GRAYGATE_URL"))
        parser.add_argument("--token", default=os.environ.get("GRAYGATE_TOKEN"))
        parser.add_argument("--once", action="store_true", help="print once and end")

    def handle(self, **options: Any) -> None:
        if not options["url"] or not options["token"]:
            raise CommandError("--url and --token, or GRAYGATE_URL and GRAYGATE_TOKEN, are needed")
        reader, changes = Reader(options["url"], options["token"]), options["changes"]
        console = Console(file=sys.stdout)
        try:
            if options["once"] or not console.is_terminal:
                console.print(picture([reader.view(change) for change in changes]))
                return
            follow(reader, changes, console)
        except KeyboardInterrupt:
            return
        except requests.RequestException as error:
            raise CommandError(f"{options['url']} does not answer: {error}") from error


def picture(views: list[View]) -> Group:
    titles = {str(view.change.get("id")): str(view.change.get("title")) for view in views}
    named = [View(v.change, v.decision, v.rollout, v.series, titles) for v in views]
    return Group(*(render(view, datetime.now(UTC)) for view in named))


def follow(reader: Reader, changes: list[str], console: Console) -> None:
    """Until every change has ended. A server that is away for a moment is waited for."""
    views: list[View] = []
    with Live(console=console, refresh_per_second=4) as live:
        while not views or not all(v.decision.get("decision") in FINAL for v in views):
            try:
                views = [reader.view(change) for change in changes]
            except requests.ConnectionError:
                if not views:
                    raise
            live.update(picture(views))
            time.sleep(LOOK_EVERY_S)
