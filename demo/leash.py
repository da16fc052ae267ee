"""`python -m demo.leash COMMAND …` runs the command so that it ends with the one who started it."""

import os
import signal
import sys

from demo.fleet.processes import die_with_parent

if __name__ == "__main__":
    parent = int(sys.argv[1])
    # Survives exec. The launcher alone hears Ctrl-C, and ends its parts in order.
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the launcher's own commands
