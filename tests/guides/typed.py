"""The commands of a guide: all its `sh` blocks, typed one after the other into one shell.

A block whose info string says `sh install` is left out: it makes the environment that the tests
already have. Nothing else is changed but the port, which has to be a free one.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_PORT = "127.0.0.1:8000"
# Bounded, whatever a guide waits for.
PATIENCE_S = 900
TO_THE_END = "typed-to-the-end"


def commands(guide: Path, *, port: int) -> str:
    blocks = [text for mark, text in BLOCK.findall(guide.read_text()) if mark != "install"]
    return "\n".join(blocks).replace(PRINTED_PORT, f"127.0.0.1:{port}")


def fresh_checkout(folder: Path) -> Path:
    """What a clone would hold of the files as they are now, and the environment of the tests."""
    checkout = folder / "graygate"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    return checkout


def type_in(guide: Path, checkout: Path, company: Path, *, port: int) -> str:
    """What the shell said. Fails with it where a command fails."""
    script = checkout.parent / f"{guide.stem}.sh"
    # What was started in the background ends with the shell, and the shell with it.
    ending = 'trap "kill 0" EXIT'
    lines = [ending, "set -eu", commands(guide, port=port), f"echo {TO_THE_END}", ""]
    script.write_text("\n".join(lines))
    values = {k: v for k, v in os.environ.items() if not k.startswith(("GRAYGATE_", "DJANGO_"))}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        values.pop(name, None)
    values |= dict(
        line.split("=", 1) for line in (company / "company.env").read_text().splitlines()
    )
    values |= {"COMPANY": str(company), "PYTHONUNBUFFERED": "1"}
    said = checkout.parent / f"{guide.stem}.said"
    with said.open("wb") as out:
        shell = subprocess.Popen(
            ["bash", str(script)],
            cwd=checkout,
            env=values,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        shell.wait(PATIENCE_S)
    told = said.read_text(errors="replace")
    assert TO_THE_END in told, told[-6000:]
    return told
