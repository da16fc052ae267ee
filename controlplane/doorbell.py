"""The broker that needs no server: kombu's folder of files, with messages that appear whole.

Kombu's own transport opens the file under its final name and writes then; a consumer that looks
in between reads half a message and the worker dies of it. Here a message is written beside and
renamed, and one that cannot be read is dropped: a lost ring costs one tick.
"""

import json
import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem

log = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    # kombu's two base classes disagree about this signature.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        del kwargs
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        hidden = Path(self.data_folder_out, f"{name}.part")
        hidden.write_text(json.dumps(payload), encoding="utf-8")
        hidden.rename(hidden.with_suffix(""))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        del timeout
        for path in sorted(Path(self.data_folder_in).iterdir()):
            if path.name.partition(".")[2] != f"{queue}.msg":
                continue
            message = taken(path)
            if message is not None:
                return message
        raise Empty


def taken(path: Path) -> dict[str, Any] | None:
    """The message, for exactly one of the consumers that see it. None: not for us."""
    mine = path.with_name(f"{path.name}.{uuid.uuid4()}.taken")
    try:
        path.rename(mine)
    except FileNotFoundError:
        return None
    try:
        message: dict[str, Any] = json.loads(mine.read_text(encoding="utf-8"))
    except ValueError:
        log.warning("a ring that cannot be read was dropped: %s", path.name)
        return None
    finally:
        mine.unlink(missing_ok=True)
    return message


class Transport(filesystem.Transport):
    Channel = Channel
