"""The first hour, typed as it is printed."""

import subprocess
import sys
import time

import pytest

from demo.fleet.ports import held_port
from tests.guides.typed import ROOT, fresh_checkout, type_in
from tests.parts import need

pytestmark = pytest.mark.e2e


@pytest.fixture
def company(tmp_path):
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


def test_first_hour__typed_as_printed__shadow_then_enforced(company, tmp_path):
    checkout = fresh_checkout(tmp_path)
    told = type_in(ROOT / "docs/guides/first_hour.md", checkout, company, port=held_port())
    assert "would have rolled back" in told
    assert "rolled back" in told.rpartition("mailer 2026.11.3")[2]
