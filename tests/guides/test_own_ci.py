"""A CI of one's own, typed as it is printed."""

import json

import pytest

from demo.fleet.ports import held_port
from tests.guides.issuing import REPOSITORY, Runner
from tests.guides.typed import ROOT, first_three_parts, fresh_checkout, type_in
from tests.integration.identity.issuer import BEARER, serve

pytestmark = pytest.mark.e2e


@pytest.fixture
def runner():
    made = Runner()
    made.rotate("k1")
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


def test_own_ci__typed_as_printed__one_change_a_key_and_no_stored_secret(company, runner, tmp_path):
    checkout, port = fresh_checkout(tmp_path), held_port()
    other = runner.token(f"http://127.0.0.1:{port}", ref="refs/heads/try")
    told = type_in(
        ROOT / "docs/guides/own_ci.md",
        checkout,
        company,
        port=port,
        before=first_three_parts(),
        more={
            "ISSUER": runner.url,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{runner.url}/job-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
            "OTHER_BRANCH_TOKEN": other,
        },
    )
    changes = json.loads((checkout / "changes.json").read_text())["results"]
    assert [each["author"] for each in changes] == [f"github:{REPOSITORY}"] * 2
    job = checkout / "job"
    # Killed and run again is one of them, twice by a key of one's own the other.
    assert "decision=allowed" in (job / "output").read_text()
    assert "GRAYGATE_DECISION=allowed" in (job / "graygate.env").read_text()
    assert isinstance(json.loads((job / "quality.json").read_text()), list)
    assert "::error file=migrations/0042.sql,line=2," in told
    assert "gg_" not in told
