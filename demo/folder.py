"""The demo's own folder: state of one run, wiped at the start of the next."""

import fcntl
import json
import os
import secrets
import shutil
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from demo.pace import Pace

ROOT = Path(__file__).resolve().parents[1]
MARKER = ".made-by-the-demo"


class FolderError(Exception):
    """The folder is not ours to wipe, or in use."""


@dataclass(frozen=True)
class Folder:
    path: Path
    # Held open: the lock lasts as long as the process does.
    lock: IO[str]

    @property
    def fleet_state(self) -> Path:
        return self.path / "fleet.json"

    @property
    def operator_file(self) -> Path:
        return self.path / "operator.json"

    def home(self, name: str) -> Path:
        """A new folder for one part."""
        made = self.path / name
        made.mkdir()
        return made

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"


def prepare(path: Path) -> Folder:
    """An empty folder of our own. What somebody else put there is never wiped."""
    path.mkdir(parents=True, exist_ok=True)
    marker = path / MARKER
    if not marker.exists() and any(path.iterdir()):
        raise FolderError(f"{path} was not made by the demo: choose another with --var")
    lock = marker.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise FolderError(f"another demo runs in {path}: end it, or choose --var") from error
    for old in path.iterdir():
        if old == marker:
            continue
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()
    return Folder(path, lock)


def new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def write_operator_file(folder: Folder, destinations: dict[str, Any]) -> None:
    """What only an operator may say: where requests may go, and how they are signed."""
    content = destinations | {"allowed_destinations": ["http://127.0.0.1:*"]}
    folder.operator_file.touch(mode=0o600)
    folder.operator_file.write_text(json.dumps(content, indent=2))


def of_pace(pace: Pace) -> dict[str, str]:
    return {
        "GRAYGATE_INTERVAL_S": str(pace.interval_s),
        "GRAYGATE_LEASE_S": str(pace.lease_s),
        "GRAYGATE_UNDO_S": str(pace.undo_s),
        "GRAYGATE_ALERT_REFRESH_S": str(pace.interval_s),
    }


def environment(folder: Folder, url: str) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "GRAYGATE_VAR": str(folder.path),
        "GRAYGATE_OPERATOR_FILE": str(folder.operator_file),
        "GRAYGATE_SECRET_KEY": secrets.token_urlsafe(48),
        "GRAYGATE_URL": url,
        "GRAYGATE_LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }
