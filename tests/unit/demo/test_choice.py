"""With the real parts if they are here, without them if not, and one line that says which."""

import pytest

from demo import programs
from demo.choice import choose
from demo.own import OwnParts
from demo.programs import MissingPartError
from demo.real import RealParts

ALL = {
    "haproxy": "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/",
    "prometheus": "prometheus, version 2.42.0+ds (branch: debian/sid)",
    "prometheus-alertmanager": "alertmanager, version 0.25.0 (branch: debian/sid)",
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """machine("haproxy") has that program and no other; what was said is in `told`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_PATH", str(tmp_path))

    def has(*names):
        for name in names:
            (tmp_path / name).write_text(f"#!/bin/sh\necho '{ALL[name]}'\n")
            (tmp_path / name).chmod(0o755)

    return has


@pytest.fixture
def told():
    return []


@pytest.mark.parametrize("answer", ["auto", "yes"])
def test_choice__everything_here__is_real_and_names_the_versions(machine, told, answer):
    machine(*ALL)
    assert isinstance(choose(answer, told.append), RealParts)
    assert told == ["real parts: HAProxy 2.6.12-1, Prometheus 2.42.0, Alertmanager 0.25.0"]


def test_choice__one_missing__goes_without_and_says_how_to_get_it(machine, told):
    machine("haproxy", "prometheus-alertmanager")
    assert isinstance(choose("auto", told.append), OwnParts)
    assert len(told) == 1
    assert told[0].endswith(
        "not here: Prometheus (apt-get install -y --no-install-recommends prometheus)"
    )


def test_choice__asked_for_and_missing__is_refused_with_what_is_missing(machine, told):
    machine("prometheus")
    with pytest.raises(MissingPartError, match="haproxy prometheus-alertmanager"):
        choose("yes", told.append)


def test_choice__told_to_go_without__does_so_though_everything_is_here(machine, told):
    machine(*ALL)
    assert isinstance(choose("no", told.append), OwnParts)
