"""What is found, and how many checks are run side by side within one deadline."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, Queue

from django.db import connections

AT_ONCE = 16
OK, WARN, FAIL, UNTESTED = "ok", "warn", "fail", "untested"


@dataclass(frozen=True)
class Finding:
    """One line. `repair`: what to do, for `warn` and `fail`. No secret is in any of it."""

    name: str
    status: str
    detail: str = ""
    repair: str = ""


@dataclass(frozen=True)
class Check:
    name: str
    run: Callable[[], Iterable[Finding]]


def ok(name: str, detail: str = "") -> Finding:
    return Finding(name, OK, detail)


def warn(name: str, detail: str, repair: str) -> Finding:
    return Finding(name, WARN, detail, repair)


def fail(name: str, detail: str, repair: str) -> Finding:
    return Finding(name, FAIL, detail, repair)


def untested(name: str, detail: str) -> Finding:
    return Finding(name, UNTESTED, detail)


def examine(checks: Sequence[Check], within_s: float) -> list[Finding]:
    """In the order of the checks. One that does not end in time, or breaks, has failed.

    Threads are left behind where they hang: the process ends without them.
    """
    done: Queue[tuple[int, list[Finding]]] = Queue()
    todo: Queue[int] = Queue()
    for number in range(len(checks)):
        todo.put(number)
    for _ in range(min(AT_ONCE, len(checks))):
        threading.Thread(target=_work, args=(checks, todo, done), daemon=True).start()
    found = _collected(done, len(checks), time.monotonic() + within_s)
    late = f"no answer within {within_s:.0f} s"
    again = "run it again with a longer --timeout; if that does not help, it hangs"
    return [
        each
        for number, check in enumerate(checks)
        for each in found.get(number, [fail(check.name, late, again)])
    ]


def _collected(
    done: "Queue[tuple[int, list[Finding]]]", count: int, until: float
) -> dict[int, list[Finding]]:
    found: dict[int, list[Finding]] = {}
    while len(found) < count and (left := until - time.monotonic()) > 0:
        try:
            number, findings = done.get(timeout=left)
        except Empty:
            break
        found[number] = findings
    return found


def _work(
    checks: Sequence[Check], todo: "Queue[int]", done: "Queue[tuple[int, list[Finding]]]"
) -> None:
    try:
        while True:
            number = todo.get_nowait()
            done.put((number, _run(checks[number])))
    except Empty:
        return
    finally:
        connections.close_all()


def _run(check: Check) -> list[Finding]:
    try:
        return list(check.run())
    except Exception as problem:  # noqa: BLE001 - a check that breaks is a finding, not the end
        # The text of the exception may hold an address or a secret: the kind is enough.
        detail = f"could not be tested: {type(problem).__name__}"
        return [fail(check.name, detail, "see the log; a third party's plug-in may be broken")]
