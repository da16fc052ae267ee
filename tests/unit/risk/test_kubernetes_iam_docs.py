"""docs/classification_kubernetes_iam.md lists every check; a check that it lacks fails here."""

import importlib
import pkgutil
from pathlib import Path

import pytest

from controlplane.risk import iam, kubernetes

PAGE = Path(__file__).parents[3] / "docs" / "classification_kubernetes_iam.md"


def checks(package):
    made = importlib.import_module(f"{package.__name__}.findings").Check
    for found in pkgutil.iter_modules(package.__path__):
        values = vars(importlib.import_module(f"{package.__name__}.{found.name}")).values()
        for value in values:
            inner = value.values() if isinstance(value, dict) else [value]
            yield from (one for one in inner if isinstance(one, made))


@pytest.mark.parametrize("package", [kubernetes, iam], ids=["kubernetes", "iam"])
def test_docs__every_check__is_listed_with_its_severity(package):
    rows = PAGE.read_text(encoding="utf-8").splitlines()
    listed = {row.split("`")[1]: row.split("|")[2].split()[0] for row in rows if row[:3] == "| `"}
    wanted = {one.id: one.severity for one in checks(package)}
    assert len(wanted) > 30
    assert wanted.items() <= listed.items()


@pytest.mark.parametrize("package", [kubernetes, iam], ids=["kubernetes", "iam"])
def test_checks__ids__are_unique_and_implied_ones_exist(package):
    found = list({id(one): one for one in checks(package)}.values())
    names = [one.id for one in found]
    assert len(names) == len(set(names))
    assert {each for one in found for each in one.implies} <= set(names)
