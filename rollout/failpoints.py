"""Named points between the loop's steps where a test may kill, stop or delay the process.

GRAYGATE_FAILPOINT=after_intend kills this process (SIGKILL, like the machine would) the first
time it passes that point; GRAYGATE_FAILPOINT_FILE remembers that it happened, so that the
process started in its place lives.
"""

import os
import signal
from pathlib import Path

NAMES = ("after_claim", "after_observe", "after_intend", "after_apply")


def reach(name: str) -> None:
    if os.environ.get("GRAYGATE_FAILPOINT") != name:
        return
    marker = os.environ.get("GRAYGATE_FAILPOINT_FILE")
    if marker:
        try:
            # O_EXCL: of two threads that pass the point at once, one dies and the other is it.
            os.close(os.open(Path(marker), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
