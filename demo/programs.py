"""Which of the real parts are installed on this machine, and in which version."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

# Shown name: names of the program (the distribution's first), and the distribution's package.
WANTED = {
    "HAProxy": (("haproxy",), "haproxy"),
    "Prometheus": (("prometheus",), "prometheus"),
    "Alertmanager": (("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
}
# Not on everybody's PATH.
SYSTEM_PATH = "/usr/sbin:/sbin"
VERSION = re.compile(r"version (\d[\w.-]*)")
PATIENCE_S = 20


class MissingPartError(Exception):
    """A real part was asked for and is not here; the message says how to get it."""


@dataclass(frozen=True)
class Found:
    """Paths by shown name; and what is missing."""

    paths: Mapping[str, str]
    missing: tuple[str, ...]

    def advice(self) -> str:
        packages = " ".join(WANTED[name][1] for name in self.missing)
        return f"apt-get install -y --no-install-recommends {packages}"

    def told(self) -> str:
        return ", ".join(f"{name} {version(path)}" for name, path in self.paths.items())


def look_for(names: tuple[str, ...] = tuple(WANTED)) -> Found:
    paths = {name: path for name in names if (path := path_of(*WANTED[name][0]))}
    return Found(paths, tuple(name for name in names if name not in paths))


def path_of(*programs: str) -> str | None:
    where = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"
    found = (shutil.which(program, path=where) for program in programs)
    return next((path for path in found if path), None)


def version(path: str) -> str:
    """As the program itself says it; they differ in how they are asked, and where they answer."""
    for option in ("-v", "--version"):
        said = _ask(path, option)
        if found := VERSION.search(said):
            return found[1]
    return "of unknown version"


def _ask(path: str, option: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program of this machine, found on its path
            [path, option], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
