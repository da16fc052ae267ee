"""A plugin's call, ended in time for us whatever the plugin does.

A thread cannot be killed. So the call runs on a thread of its own, and when its time is over it is
left to itself: the caller goes on with an error. While it hangs, no further call of that name is
made, and when MOST_HANGING hang in this process, no call of any plugin that is not known to end
its own calls. What is not cut off in-process: memory, and a loop that never lets go of the
interpreter (C code that holds the GIL). Bound those from outside: MemoryMax= of the service.

Parts that end their own calls say `bounded = True` and are called as they are.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections

# More than all bells' places together have under way at once (controlplane/bells.py).
MOST_HANGING = 100
T = TypeVar("T")


class CutOffError(Exception):
    """There is no answer: it took too long, an earlier call still hangs, or it wanted to exit."""


@dataclass
class _Call:
    work: Callable[[], Any]
    answer: Any = None
    error: BaseException | None = None

    def run(self, name: str) -> None:
        try:
            self.answer = self.work()
        except BaseException as error:  # noqa: BLE001 - a plugin's sys.exit() ends no worker
            self.error = error
        finally:
            connections.close_all()
            with _lock:
                _under_way.pop(name, None)


_lock = threading.Lock()
# Of calls that are under way or hang: since a name is called by one at a time, both are the same.
_under_way: dict[str, _Call] = {}


def within(name: str, seconds: float, bounded: bool, work: Callable[[], T]) -> T:  # noqa: FBT001
    """The answer of `work`. Raises what it raises (an Exception), or CutOffError."""
    if bounded:
        return work()
    call = _Call(work)
    with _lock:
        if name in _under_way:
            raise CutOffError("an earlier call has not come back")
        if len(_under_way) >= MOST_HANGING:
            raise CutOffError(f"{MOST_HANGING} calls of plugins have not come back: restart me")
        _under_way[name] = call
    thread = threading.Thread(target=call.run, args=(name,), name=f"plugin {name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise CutOffError(f"not done within {seconds:g} s, and left to itself")
    if call.error is not None and not isinstance(call.error, Exception):
        raise CutOffError(f"wanted to end the process: {type(call.error).__name__}")
    if call.error is not None:
        raise call.error
    answer: T = call.answer
    return answer


def is_bounded(part: object) -> bool:
    return getattr(part, "bounded", False) is True
