"""The broker comes, goes, forgets and is fed nonsense: the loop goes on by itself."""

from contextlib import ExitStack

import pytest
from kombu import Connection

from controlplane.bells import QUEUES, queues
from controlplane.models import BellRecord
from tests.integration.broker.brokers import PASSWORD
from tests.integration.broker.conftest import PATIENCE_S, Graygate
from tests.parts import wait_until

UNREACHABLE = "no broker at"
JSON, PICKLE = "application/json", "application/x-python-serialize"
NONSENSE = (
    (b"\x80\x04 no json", JSON, {"task": "rollout.reconcile", "id": "1"}),
    (b"\x80\x04K\x01.", PICKLE, {"task": "rollout.reconcile", "id": "2"}),
    (b"[[], {}, {}]", JSON, {"task": "os.system", "id": "3"}),
    (b'[["rm"], {}, {}]', JSON, {"task": "rollout.reconcile", "id": "4"}),
    (b"{}", JSON, {}),
    (b"", "text/plain", {}),
)


def test_bells__broker_gone_and_back__are_answered_again(graygate, broker, answered):
    beat, worker = graygate.start("beat"), graygate.start("worker")
    answered("bells with a broker that is there")

    broker.go()
    try:
        wait_until(lambda: UNREACHABLE in beat.log.read_text(), PATIENCE_S, "a line of beat")
        wait_until(lambda: "Cannot connect" in worker.log.read_text(), PATIENCE_S, "a worker's")
    finally:
        broker.come()
    answered("bells after the broker's return")

    assert graygate.alive()
    assert "Traceback" not in graygate.logs()
    assert PASSWORD not in graygate.logs()


def test_bells__broker_absent_at_the_start__are_answered_once_it_comes(graygate, broker, answered):
    broker.go()
    try:
        beat, worker = graygate.start("beat"), graygate.start("worker")
        wait_until(lambda: UNREACHABLE in beat.log.read_text(), PATIENCE_S, "a line of beat")
        wait_until(lambda: "Cannot connect" in worker.log.read_text(), PATIENCE_S, "a worker's")
    finally:
        broker.come()
    answered("bells after the broker's arrival")
    assert graygate.alive()


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_bells__broker_flushed_under_way__are_answered_on(graygate, broker, answered):
    graygate.start("beat")
    graygate.start("worker")
    answered("bells before")

    broker.client().flushall()
    answered("bells after the flush")
    assert graygate.alive()


def test_worker__messages_that_are_no_rings__are_dropped_and_it_lives(graygate, broker, answered):
    worker = graygate.start("worker")
    with Connection(broker.url, transport_options=options(broker)) as made:
        for body, kind, headers in NONSENSE:
            made.Producer().publish(
                body,
                routing_key="act",
                content_type=kind,
                content_encoding="binary",
                headers=headers,
            )
        wait_until(lambda: waiting(made, "act") == 0, PATIENCE_S, "the messages taken")
    graygate.start("beat")
    answered("bells after nonsense")
    assert worker.process.poll() is None


def test_bells__no_broker_configured__are_answered_through_files(
    transactional_db, tmp_path, answered
):
    with ExitStack() as stack:
        local = Graygate(tmp_path, "", stack)
        local.start("beat")
        local.start("worker")
        answered("bells of the local broker")
        assert local.alive()


def test_queues__no_worker__hold_no_more_than_a_few_rings(graygate, broker):
    beat = graygate.start("beat")
    line = "is a worker running?"
    wait_until(lambda: line in beat.log.read_text(), PATIENCE_S, "beat to say that nobody answers")

    with Connection(broker.url, transport_options=options(broker)) as made:
        assert all(waiting(made, queue) <= 20 for queue in QUEUES)
    assert not BellRecord.objects.exclude(answered_at=None).exists()


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_processes__broker_address_unreadable__end_and_tell_no_password(graygate, broker):
    graygate.environment["CELERY_BROKER_URL"] = "redis://:hunter2/x@127.0.0.1/0"
    both = [graygate.start("beat"), graygate.start("worker")]
    wait_until(lambda: not any(one.process.poll() is None for one in both), PATIENCE_S, "the end")

    assert all(one.process.poll() for one in both)
    assert all("graygate.E020" in one.log.read_text() for one in both)
    assert "hunter2" not in graygate.logs()


def options(broker) -> dict:
    return {"global_keyprefix": "graygate:"} if broker.url.startswith("redis") else {}


def waiting(made: Connection, queue: str) -> int:
    found = next(each for each in queues() if each.name == queue)
    return int(found(made.default_channel).queue_declare().message_count)
