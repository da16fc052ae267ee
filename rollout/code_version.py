"""Which code decided: a mark that changes with every line of the two floors that see and act.

Kept with each decision, so that one that comes out differently later is told from one that the
code of then would not have made either.
"""

import hashlib
from functools import cache
from pathlib import Path

import attribution
import rollout


@cache
def code_version() -> str:
    """Twelve hex digits over every Python file of `rollout` and `attribution`."""
    digest = hashlib.sha256()
    for package in (attribution, rollout):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
