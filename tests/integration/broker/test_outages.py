"""The broker comes, goes, forgets and is fed nonsense: the loop goes on by itself."""

import pytest
from kombu import Connection

from controlplane.models import BellRecord
from tests.integration.broker.brokers import PASSWORD
from tests.integration.broker.conftest import PATIENCE_S
from tests.parts import wait_until

UNREACHABLE = "no broker at"


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
    assert "Traceback" not in beat.log.read_text()
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


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\x80\x04\x95 no json", "application/json"),
        (b"\x80\x04K\x01.", "application/x-python-serialize"),
        (b"[[], {}, {}]", "application/json"),
        (b"{}", "text/plain"),
    ],
    ids=["broken", "pickle", "unknown-task", "no-task"],
)
def test_worker__message_that_is_no_ring__drops_it_and_lives(
    graygate, broker, answered, body, kind
):
    worker = graygate.start("worker")
    with Connection(broker.url, transport_options=options(broker)) as made:
        producer = made.Producer()
        headers = {"task": "os.system", "id": "1"} if kind == "application/json" else {}
        producer.publish(
            body, routing_key="act", content_type=kind, content_encoding="binary", headers=headers
        )
        wait_until(lambda: waiting(made, "act") == 0, PATIENCE_S, "the message taken")
    graygate.start("beat")
    answered("bells after nonsense")
    assert worker.process.poll() is None


def test_queues__no_worker__hold_no_more_than_a_few_rings(graygate, broker):
    beat = graygate.start("beat")
    line = "is a worker running?"
    wait_until(lambda: line in beat.log.read_text(), PATIENCE_S, "beat to say that nobody answers")

    with Connection(broker.url, transport_options=options(broker)) as made:
        assert all(waiting(made, queue) <= 20 for queue in ("see", "act", "govern", "tidy"))
    assert not BellRecord.objects.exclude(answered_at=None).exists()


def test_web_and_beat__broker_address_unreadable__is_told_without_the_password(graygate):
    graygate.environment["CELERY_BROKER_URL"] = "redis://:hunter2/x@127.0.0.1/0"
    beat = graygate.start("beat")
    worker = graygate.start("worker")
    wait_until(lambda: not (beat.process.poll() is None or worker.process.poll() is None), 60, "")
    assert beat.process.poll() and worker.process.poll()
    assert "graygate.E020" in beat.log.read_text()
    assert "graygate.E020" in worker.log.read_text()
    assert "hunter2" not in graygate.logs()


def options(broker) -> dict:
    return {"global_keyprefix": "graygate:"} if broker.url.startswith("redis") else {}


def waiting(made: Connection, queue: str) -> int:
    from controlplane.bells import queues  # noqa: PLC0415

    found = next(each for each in queues() if each.name == queue)
    return int(found(made.default_channel).queue_declare().message_count)
