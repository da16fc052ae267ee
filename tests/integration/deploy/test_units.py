"""The systemd units, read by systemd's own checker; this checkout stands for /opt/graygate."""

import subprocess

import pytest

from tests.integration.deploy.conftest import DEPLOY, ROOT
from tests.parts import need

UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


@pytest.fixture
def verify(tmp_path):
    program = need("systemd-analyze", "systemd")

    def run(change=lambda text: text):
        for unit in UNITS:
            text = (DEPLOY / "systemd" / unit).read_text().replace("/opt/graygate", str(ROOT))
            (tmp_path / unit).write_text(change(text))
        names = [str(tmp_path / unit.replace("@.", "@1.")) for unit in UNITS]
        command = [program, "verify", "--man=no", *names]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_units__as_they_are__are_accepted_without_a_word(verify):
    done = verify()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"), [("/bin/celery", "/bin/no-celery"), ("ProtectHome=", "ProtectHouse=")]
)
def test_units__with_a_mistake__are_not(verify, right, wrong):
    assert wrong.strip("=").rpartition("/")[2] in verify(lambda t: t.replace(right, wrong)).stderr


def test_units__variables__are_read(known_variables):
    for unit in UNITS:
        for line in (DEPLOY / "systemd" / unit).read_text().splitlines():
            if line.startswith("Environment="):
                names = {pair.partition("=")[0] for pair in line[12:].split()}
                assert names - {"PYTHONUNBUFFERED"} <= known_variables
