"""The schema tells the truth: what it calls valid is taken, what comes back has its shape."""

import os
from datetime import timedelta

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from attribution.anomalies import open_anomaly
from attribution.clock import database_now
from controlplane.feedback import give
from controlplane.wsgi import application
from tests.factories import journey, token_of

EXAMPLES = int(os.environ.get("GRAYGATE_SCHEMA_EXAMPLES", "4"))
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


schema = schemathesis.openapi.from_wsgi("/api/schema/", application)


@pytest.fixture
def real(db):
    """Path parameters that lead to rows, so that answers are checked and not only refusals."""
    walk = journey("running")
    decision = walk.rollout.decisions.last()
    ids = {"change_id": walk.change.pk, "rollout_id": walk.rollout.pk, "decision_id": decision.pk}
    ids["anomaly_id"] = noticed(walk).pk
    return {name: str(value) for name, value in ids.items()} | {"name": walk.service.name}


def noticed(walk):
    now = database_now()
    row = open_anomaly("alert", "f", walk.service.name, "errors", now, now)
    piece = {"kind": "time", "summary": "exposure grew 5 s before", "weight": 1.4}
    suspect = {"change": str(walk.change.pk), "probability": 0.9, "evidence": [piece], "vetoes": []}
    for at in (now - timedelta(seconds=5), now):
        row.findings.create(at=at, case={}, suspects=[suspect], none_of_them=0.1)
    give(row.pk, walk.change.pk, "", "olga")
    return row


@pytest.fixture
def admin(db):
    return token_of("admin")


@pytest.fixture
def _one_connection():
    """As Django's own test client does it: a request must not close the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_one_connection")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_api__any_request_made_from_the_schema__is_answered_as_the_schema_says(case, real, admin):
    if connection.needs_rollback:
        pytest.fail("an example before left the transaction broken")
    case.path_parameters.update({k: v for k, v in real.items() if k in case.path_parameters})
    case.query.pop("wait", None)  # a long poll that waits would only cost time here
    headers = {"Authorization": f"Bearer {admin}"}
    case.call_and_validate(headers=headers, checks=CHECKS)
