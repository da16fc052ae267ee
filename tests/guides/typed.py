"""The commands of a guide: all its `sh` blocks, typed one after the other into one shell.

A block whose info string says `sh install` is left out: it makes the environment that the tests
already have. Nothing else is changed but the port, which has to be a free one. A guide that goes on
where part 3 of the first hour ended is typed after it, into the same shell.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_PORT = "127.0.0.1:8000"
FIRST_HOUR = ROOT / "docs/guides/first_hour.md"
# Bounded, whatever a guide waits for.
PATIENCE_S = 900
TO_THE_END = "typed-to-the-end"


def commands(text: str, *, port: int) -> str:
    blocks = [block for mark, block in BLOCK.findall(text) if mark != "install"]
    return "\n".join(blocks).replace(PRINTED_PORT, f"127.0.0.1:{port}")


def first_three_parts() -> str:
    text, mark, _ = FIRST_HOUR.read_text().partition("\n## 4 ")
    assert mark, "the first hour has no part 4"
    return text


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


def type_in(
    guide: Path,
    checkout: Path,
    company: Path,
    *,
    port: int,
    before: str = "",
    more: Mapping[str, str] | None = None,
) -> str:
    """What the shell said. Fails with it where a command fails. `before`: the text of what is
    typed first; `more`: variables that the reader's place has set.
    """
    script = checkout.parent / f"{guide.stem}.sh"
    # What was started in the background ends with the shell, and the shell with it.
    ending = 'trap "kill 0" EXIT'
    typed = commands(f"{before}\n{guide.read_text()}", port=port)
    script.write_text("\n".join([ending, "set -eu", typed, f"echo {TO_THE_END}", ""]))
    values = {k: v for k, v in os.environ.items() if not k.startswith(("GRAYGATE_", "DJANGO_"))}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        values.pop(name, None)
    values |= dict(
        line.split("=", 1) for line in (company / "company.env").read_text().splitlines()
    )
    values |= {"COMPANY": str(company), "PYTHONUNBUFFERED": "1", **(more or {})}
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
