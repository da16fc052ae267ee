import threading

import pytest
from celery import Celery

from controlplane import bells
from controlplane.celery import Answer, app
from controlplane.environment import broker_settings
from controlplane.throttle import Throttle


def test_bells__each_task_of_ours__rings_and_goes_to_its_queue():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == set(bells.BY_TASK)
    for bell in bells.BELLS:
        assert app.amqp.router.route({}, bell.task)["queue"].name == bell.queue
        assert bell.queue in bells.QUEUES


def test_place__all_taken__is_free_for_other_bells_and_again_afterwards():
    with bells.place("rollout.audit") as first, bells.place("rollout.audit") as second:
        assert (first, second) == (True, False)
        with bells.place("attribution.attribute") as other:
            assert other
    with bells.place("rollout.audit") as again:
        assert again


def test_threads__every_place_taken__leave_one_to_answer_the_rest():
    """The worker of N threads whose sources all hang still serves the bells that act."""
    assert sum(bell.places for bell in bells.BELLS) < bells.THREADS == app.conf.worker_concurrency


def test_answer__bell_still_being_answered__returns_at_once(monkeypatch):
    started, let_go = threading.Event(), threading.Event()
    ran = []

    # An app of its own: in ours the name is taken.
    @Celery("bells of a test", task_cls=Answer, set_as_current=False).task(name="rollout.audit")
    def slow():
        ran.append(1)
        started.set()
        let_go.wait(30)

    monkeypatch.setattr("controlplane.heard.record_answered", lambda _name: None)
    answering = threading.Thread(target=slow)
    answering.start()
    assert started.wait(30)
    slow()
    let_go.set()
    answering.join()
    assert ran == [1]


@pytest.mark.parametrize("url", ["redis://:a/b@h:1/0", "redis://h/0?password=x", "amqp://h:port//"])
def test_broker_settings__address_that_cannot_be_taken_apart__says_so_only(
    monkeypatch, tmp_path, url
):
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    assert broker_settings(tmp_path)["CELERY_BROKER_URL"] == "unreadable://"


@pytest.mark.parametrize(
    ("url", "bound"), [("amqp://u:p@h//", "read_timeout"), ("rediss://h/0", "socket_timeout")]
)
def test_broker_settings__broker_that_hangs__is_not_waited_for(monkeypatch, tmp_path, url, bound):
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    found = broker_settings(tmp_path)
    assert found["CELERY_BROKER_URL"] == url
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"][bound] > 0


def test_throttle__same_name_twice__is_due_once():
    throttle = Throttle(3600)
    assert [throttle.due("a"), throttle.due("a"), throttle.due("b")] == [True, False, True]
