from rollout.executors.haproxy import HaproxyExecutor
from tests.chaos.limits import CALL_S


class HurriedHaproxyExecutor(HaproxyExecutor):
    timeout_s = CALL_S
