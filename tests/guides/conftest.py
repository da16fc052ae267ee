import subprocess
import sys
import time

import pytest

from tests.guides.typed import ROOT
from tests.parts import need


@pytest.fixture
def company(tmp_path):
    """The folder of a foreign company that is running: its scripts and `company.env`."""
    need("haproxy", "haproxy")
    need("prometheus", "prometheus")
    folder = tmp_path / "company"
    process = subprocess.Popen([sys.executable, "-m", "tests.foreign.company", folder], cwd=ROOT)
    deadline = time.monotonic() + 120
    while not (folder / "company.env").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield folder
    process.terminate()
    process.wait(30)
