"""A program of the operator's, run once: no shell, bounded in time and in bytes, ended whole.

It gets a session of its own, so that whatever it started can be ended with it: at the time-out,
and also when it has ended by itself, for a child that stays behind could still act after the call.
(A child that made itself another session is out of reach.) Where coreutils' `timeout` is
installed it stands between: then the program ends in time even if this process was killed.
"""

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

# What is left of the time for a program that was asked to end.
GRACE_S = 1.0
CHUNK_BYTES = 16_384
# How often the end of a program whose pipes say nothing is looked for.
LOOK_S = 0.02
# More pieces than the kernel keeps in two pipes.
MOST_LEFT_IN_PIPES = 256


class ProgramError(Exception):
    """It did not run, or not to its end. Holds neither its arguments nor what it printed."""


@dataclass(frozen=True)
class Ended:
    status: int
    output: bytes
    # Its first bytes only.
    complaint: bytes


@dataclass(frozen=True)
class Bounds:
    timeout_s: float
    most_output: int = 1_000_000
    most_complaint: int = 4_000


def run(
    argv: Sequence[str], given: bytes, *, env: Mapping[str, str], cwd: str, bounds: Bounds
) -> Ended:
    """What it printed, and its status. Raises ProgramError when it could not be started, took
    too long or printed too much.
    """
    with tempfile.TemporaryFile() as stdin:
        # A file takes it all at once: a program that does not read cannot block us.
        stdin.write(given)
        stdin.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own argv, no shell
                _guarded(argv, bounds.timeout_s),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                close_fds=True,
            )
        except (OSError, ValueError) as error:
            raise ProgramError(f"cannot be started: {type(error).__name__}") from error
    try:
        output, complaint = _Reading(process, bounds).to_the_end()
    finally:
        _end(process)
    return Ended(process.returncode, output, complaint)


def _guarded(argv: Sequence[str], timeout_s: float) -> list[str]:
    guard = shutil.which("timeout", path="/usr/bin:/bin")
    if guard is None:
        return list(argv)
    return [guard, "-s", "KILL", str(ceil(timeout_s)), *argv]


class _Reading:
    """Both pipes until the program ends. A pipe that a child keeps open is not waited for."""

    def __init__(self, process: subprocess.Popen[bytes], bounds: Bounds) -> None:
        assert process.stdout is not None  # noqa: S101 - for mypy: both were asked for
        assert process.stderr is not None  # noqa: S101
        self._process, self._bounds = process, bounds
        self._output, self._complaint = bytearray(), bytearray()
        self._pipes = {process.stdout.fileno(): self._output}
        self._pipes[process.stderr.fileno()] = self._complaint
        for pipe in self._pipes:
            os.set_blocking(pipe, False)

    def to_the_end(self) -> tuple[bytes, bytes]:
        """Raises ProgramError. Nothing that was started lives on after it has returned."""
        if not self._ended_by(time.monotonic() + self._bounds.timeout_s):
            raise ProgramError(f"not done within {self._bounds.timeout_s:g} s, and was ended")
        _signal(self._process.pid, signal.SIGKILL)
        for _ in range(MOST_LEFT_IN_PIPES):
            if not self._read(0):
                break
        return bytes(self._output), bytes(self._complaint)

    def _ended_by(self, deadline: float) -> bool:
        """False: it was asked to end, and has or has not. It is not killed here."""
        ask = deadline - min(GRACE_S, self._bounds.timeout_s / 4)
        asked = False
        while not _has_ended(self._process.pid):
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= ask and not asked:
                asked = True
                _signal(self._process.pid, signal.SIGTERM)
            self._read(LOOK_S)
        return not asked

    def _read(self, patience_s: float) -> bool:
        """Of each pipe one piece at most: who prints without end must not keep us from looking at
        the clock. False: there was nothing.
        """
        if not self._pipes:
            time.sleep(patience_s)
            return False
        poll = select.poll()
        for pipe in self._pipes:
            poll.register(pipe, select.POLLIN)
        ready = poll.poll(patience_s * 1000)
        for pipe, _ in ready:
            self._take(pipe)
        return bool(ready)

    def _take(self, pipe: int) -> None:
        chunk = _chunk(pipe)
        kept = self._pipes[pipe]
        if chunk == b"":
            del self._pipes[pipe]
        elif chunk and kept is self._complaint:
            # Its beginning is kept, the rest let go.
            kept += chunk[: max(0, self._bounds.most_complaint - len(kept))]
        elif chunk:
            kept += chunk
        if len(self._output) > self._bounds.most_output:
            raise ProgramError(f"printed more than {self._bounds.most_output} bytes")


def _chunk(pipe: int) -> bytes | None:
    """None: nothing there now. Empty: nothing more will come."""
    try:
        return os.read(pipe, CHUNK_BYTES)
    except BlockingIOError:
        return None


def _has_ended(pid: int) -> bool:
    """Without taking note of it: until then its number, and so its group's, is nobody else's."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError as error:
        raise ProgramError("ran, and how it ended is not known") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
