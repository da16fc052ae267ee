"""`manage.py submit FILE --wait`: what a pipeline calls. Exit codes:

0 reached (or accepted, without --wait), 1 usage or transport, 2 needs approval, halted or paused,
3 rejected, failed, canceled, expired or rolled back, 4 time-out.
"""

import json
import os
import sys
import time
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from controlplane.pipeline import (
    REACHED,
    REFUSED,
    TIMED_OUT,
    USAGE,
    Answer,
    Client,
    RefusedError,
    UnreachableError,
    exit_code,
    follow,
    printable,
)


class Command(BaseCommand):
    help = "Submit a change (JSON) over REST and wait for the decision. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the change as JSON; - is standard input")
        parser.add_argument("--wait", action="store_true")
        parser.add_argument("--until", choices=("allowed", "completed"), default="allowed")
        parser.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS")
        parser.add_argument(
            "--on-unreachable",
            choices=("block", "allow"),
            default="block",
            help="when Graygate gives no answer at all: fail (block) or let the pipeline go on",
        )
        parser.add_argument("--idempotency-key", metavar="KEY", default=None)
        parser.add_argument("--url", default=os.environ.get("GRAYGATE_URL", ""))
        parser.add_argument(
            "--token-env",
            default="GRAYGATE_TOKEN",
            metavar="NAME",
            help="environment variable with the API token (GRAYGATE_TOKEN)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        code = self._run(options)
        if code:
            sys.exit(code)

    def _run(self, options: dict[str, Any]) -> int:
        token = os.environ.get(options["token_env"], "")
        body, problem = read_body(options["file"])
        if not options["url"] or not token:
            problem = f"Set GRAYGATE_URL (or --url) and {options['token_env']}."
        if problem:
            print(problem, file=sys.stderr)
            return USAGE
        client = Client(options["url"], token, time.monotonic() + options["timeout"])
        key = options["idempotency_key"] or str(uuid.uuid4())
        try:
            answer = client.submit(body, key)
        except UnreachableError as error:
            return unreachable(str(error), options["on_unreachable"])
        except RefusedError as error:
            print(f"Graygate did not take the change.\n{error}", file=sys.stderr)
            return USAGE
        return self._follow(client, answer, options)

    def _follow(self, client: Client, first: Answer, options: dict[str, Any]) -> int:
        answer = first.body
        try:
            if options["wait"]:
                answer = follow(client, first, options["until"], tell)
            else:
                tell(answer)
        except (UnreachableError, RefusedError) as error:
            # The change is in: what became of it is not known, so nothing is let through.
            print(f"The change was taken, but its decision is lost: {error}", file=sys.stderr)
            finish(answer)
            return USAGE
        finish(answer)
        if not options["wait"]:
            refused = exit_code(answer["decision"], "completed", waiting=False) == REFUSED
            return REFUSED if refused else REACHED
        code = exit_code(answer["decision"], options["until"], waiting=False)
        return TIMED_OUT if code is None else code


def read_body(name: str) -> tuple[Any, str]:
    """(body, "") or (None, what is wrong with the file)."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
        return json.loads(text), ""
    except OSError as error:
        return None, f"Cannot read {name}: {error.strerror}"
    except (ValueError, RecursionError) as error:
        return None, f"{name} is not JSON: {error}"


def unreachable(problem: str, policy: str) -> int:
    answer = {"change": None, "decision": None, "reasons": [f"Graygate unreachable: {problem}"]}
    finish(answer)
    if policy == "allow":
        print(f"Graygate is unreachable ({problem}); --on-unreachable=allow lets the change pass "
              "UNCHECKED.", file=sys.stderr)  # fmt: skip
        return REACHED
    print(f"Graygate is unreachable ({problem}); the change is blocked.", file=sys.stderr)
    return USAGE


def tell(answer: dict[str, Any]) -> None:
    print(f"{answer['decision']}  (risk {answer.get('level')})  {answer['url']}", file=sys.stderr)
    for reason in answer.get("reasons", []):
        print(f"  - {printable(reason)}", file=sys.stderr)


def finish(answer: dict[str, Any]) -> None:
    """One JSON object to standard output, and the outputs of a GitHub step."""
    print(json.dumps(answer, ensure_ascii=False))
    outputs = os.environ.get("GITHUB_OUTPUT")
    if not outputs:
        return
    # One line a value: a line break would start an output of its own.
    lines = [
        f"{name}={' '.join(str(answer.get(name) or '').split())}\n"
        for name in ("change", "decision", "level", "url", "rollout")
    ]
    with Path(outputs).open("a", encoding="utf-8") as stream:
        stream.writelines(lines)
