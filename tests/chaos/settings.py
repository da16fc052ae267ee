"""The product's settings, but for the time limits of `limits.py`."""

from controlplane.settings import *  # noqa: F403
from controlplane.settings import GRAYGATE_EXECUTORS as USUAL

GRAYGATE_EXECUTORS = {**USUAL, "haproxy": "tests.chaos.hurried.HurriedHaproxyExecutor"}
SILENCED_SYSTEM_CHECKS = ["graygate.E007"]
