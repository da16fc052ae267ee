"""How much memory a piece of work took at its highest, what libraries in C took included.

Linux tells it, with glibc; elsewhere what asks is skipped.
"""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import pytest

# For what a body may hold, and for a file of 5 MB.
MOST_MB = 250
PROCESS = Path("/proc/self")
libc = ctypes.CDLL(None)


def peak_mb(work: Callable[[], object]) -> float:
    if not (PROCESS / "clear_refs").exists() or not hasattr(libc, "malloc_trim"):
        pytest.skip("needs Linux and glibc")
    gc.collect()
    # Given back, so that it is not used again uncounted.
    libc.malloc_trim(0)
    (PROCESS / "clear_refs").write_text("5")
    before = _kb("VmRSS")
    work()
    return (_kb("VmHWM") - before) / 1024


def _kb(name: str) -> int:
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
