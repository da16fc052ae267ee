import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
# Read by Django, Celery or an image of somebody else's, not by our code under this name.
OF_OTHERS = {"DATABASE_URL", "CELERY_BROKER_URL", "POSTGRES_PASSWORD"}


@pytest.fixture(scope="session")
def known_variables() -> set[str]:
    """Every GRAYGATE_… variable that some code reads."""
    sources = [*DEPLOY.glob("*.py")]
    for package in ("attribution", "rollout", "controlplane"):
        sources += (ROOT / package).rglob("*.py")
    text = "\n".join(source.read_text() for source in sources)
    return set(re.findall(r"""["'](GRAYGATE_[A-Z_]+)["']""", text)) | OF_OTHERS
