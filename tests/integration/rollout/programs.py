"""Programs that the `command` executor runs: the examples as they are shipped, and small ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rollout.executors.command import CommandExecutor
from tests.integration.rollout.balancers import operator

EXAMPLES = Path(__file__).parents[3] / "examples" / "command"
FENCING = {"weight.sh": "none", "weight.py": "target"}


@pytest.fixture
def wrapped(settings, tmp_path, monkeypatch) -> Callable[[str], CommandExecutor]:
    """The executor on the target `edge`, wrapped by one of the examples; its weight is a file."""
    (tmp_path / "weight").write_text("0\n")
    monkeypatch.setenv("WEIGHT_FILE", str(tmp_path / "weight"))

    def made(example: str) -> CommandExecutor:
        entry = {"argv": [str(EXAMPLES / example)], "env": ["WEIGHT_FILE"], "grain": 0.01}
        entry |= {"executor": "command", "fencing": FENCING[example], "timeout_s": 10}
        settings.OPERATOR = operator({"edge": entry})
        return CommandExecutor().on({"target": "edge"})

    return made


def alive(pid_file: Path) -> bool:
    """A zombie, of which whoever adopts orphans has not taken note yet, runs no more."""
    try:
        stat = Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
