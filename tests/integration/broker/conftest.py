"""Graygate as it runs: beat and workers as processes, a broker of their own, a real database."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection

from controlplane.models import BellRecord
from tests.integration.broker.brokers import Broker, own_rabbitmq, own_redis
from tests.parts import Process, wait_until

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 240
LOOP = ("collect", "attribute", "reconcile", "changes", "deliver")


@pytest.fixture(scope="module")
def redis_broker(tmp_path_factory) -> Iterator[Broker]:
    with own_redis(tmp_path_factory.mktemp("redis")) as broker:
        yield broker


@pytest.fixture(scope="module")
def rabbitmq_broker(tmp_path_factory) -> Iterator[Broker]:
    with own_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(request) -> Broker:
    return request.getfixturevalue(f"{request.param}_broker")


def database_url() -> str:
    """Of the test's database, for processes of their own; it may be the embedded one."""
    given = connection.get_connection_params()
    wanted = {key: given[key] for key in ("user", "password", "host", "port") if given.get(key)}
    return f"postgresql:///{given['dbname']}?{urlencode(wanted)}"


class Graygate:
    def __init__(self, folder: Path, broker_url: str, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.processes: list[Process] = []
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(),
            "CELERY_BROKER_URL": broker_url,
            "GRAYGATE_VAR": str(folder),
            "GRAYGATE_SECRET_KEY": secrets.token_urlsafe(),
            "GRAYGATE_INTERVAL_S": "1",
        }

    def start(self, role: str, *options: str) -> Process:
        argv = [sys.executable, "-m", "celery", "-A", "controlplane.celery", role]
        name = f"{role}-{len(self.processes)}"
        argv += ["-n", f"{name}@test"] if role == "worker" else ["--pidfile", ""]
        one = Process([*argv, *options], self.folder, environment=self.environment, name=name)
        self.processes.append(one)
        return self.stack.enter_context(one)

    def alive(self) -> bool:
        return all(one.process.poll() is None for one in self.processes)

    def logs(self) -> str:
        return "\n".join(one.log.read_text(errors="replace") for one in self.processes)


@pytest.fixture
def graygate(transactional_db, broker, tmp_path) -> Iterator[Graygate]:
    with ExitStack() as stack:
        yield Graygate(tmp_path, broker.url, stack)


@pytest.fixture
def answered():
    """answered("…"): from now on every bell of the loop is answered again."""

    def wait(what: str) -> None:
        BellRecord.objects.all().delete()
        wait_until(all_answered, PATIENCE_S, what)

    return wait


def all_answered() -> bool:
    rows = BellRecord.objects.exclude(answered_at=None).exclude(rung_at=None)
    return set(LOOP) <= set(rows.values_list("name", flat=True))
