"""The haproxy executor against a real HAProxy, well configured and otherwise."""

import socket
import threading
import time

import pytest

from rollout.executors import haproxy_runtime
from rollout.executors.base import Desired, ExecutorError, Key
from rollout.executors.haproxy import HaproxyExecutor
from rollout.executors.weights import GRAIN
from tests.integration.rollout.balancers import STOCK, balancer, operator
from tests.parts import wait_until

KEY = Key(1, "r1", "lb1", 1)
LB1 = {"target": "lb1"}
OTHERS = """
backend hashed
  balance source
  server s0 127.0.0.1:9 weight 100
  server c0 127.0.0.1:9 weight 10
backend alone
  server c0 127.0.0.1:9 weight 1
  server spare 127.0.0.1:9 weight 100 backup
backend checked
  server s0 127.0.0.1:9 weight 100 check inter 100 fall 1
  server s1 127.0.0.1:9 weight 100
  server c0 127.0.0.1:9 weight 50 check inter 100 fall 1
backend up
  balance roundrobin
  server s0 127.0.0.1:{entry} weight 100 check inter 100 rise 1
  server c0 127.0.0.1:9 weight 0
backend many
  server-template s 1-300 127.0.0.1:9 weight 100
  server c0 127.0.0.1:9 weight 0
"""


@pytest.fixture(scope="module")
def shared():
    with balancer(STOCK + OTHERS) as made:
        yield made


@pytest.fixture
def lb(shared, settings):
    for name, weight in (("s0", 100), ("s1", 100), ("c0", 0)):
        shared.ask(f"set weight stock/{name} {weight}", f"set server stock/{name} state ready")
    settings.OPERATOR = operator({"lb1": shared.target()})
    return shared


@pytest.fixture
def executor():
    return HaproxyExecutor()


def observed(executor):
    return executor.observe(LB1, KEY).share


@pytest.mark.parametrize("way", ["socket", "tcp"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.25, 0.29, 0.5, 0.999, 1.0])
def test_apply__then_observe__is_the_share_that_haproxy_shows(lb, executor, settings, way, share):
    address = lb.socket if way == "socket" else f"127.0.0.1:{lb.port}"
    settings.OPERATOR = operator({"lb1": lb.target(address=address)})
    executor.apply(LB1, Desired(share), KEY)
    assert observed(executor) == lb.canary_share()
    assert share - GRAIN <= observed(executor) <= share


def test_apply__back_to_zero__leaves_the_configured_weights(lb, executor):
    executor.apply(LB1, Desired(1.0), KEY)
    assert lb.weights() == {"s0": 0, "s1": 0, "c0": 256}
    executor.apply(LB1, Desired(0.0), KEY)
    assert lb.weights() == {"s0": 100, "s1": 100, "c0": 0}


def test_apply__more_servers_than_fit_into_a_line__sets_them_all(lb, executor, settings):
    settings.OPERATOR = operator({"lb1": lb.target(backend="many")})
    executor.apply(LB1, Desired(0.5), KEY)
    assert lb.canary_share("many") == pytest.approx(0.5, abs=GRAIN)
    executor.apply(LB1, Desired(0.0), KEY)
    assert set(lb.weights("many").values()) == {100, 0}


def test_observe__stable_server_in_maintenance_or_draining__raises_the_share(lb, executor):
    lb.ask("set weight stock/c0 100")
    assert observed(executor) == 100 / 300
    lb.ask("set server stock/s0 state maint")
    assert observed(executor) == 0.5
    lb.ask("set server stock/s1 state drain")
    assert observed(executor) == 1.0


def test_observe__canary_in_maintenance__is_not_exposed_and_comes_back_without_weight(lb, executor):
    executor.apply(LB1, Desired(0.5), KEY)
    lb.ask("set server stock/c0 state maint")
    assert observed(executor) == 0.0
    with pytest.raises(ExecutorError, match="every canary server is in maintenance"):
        executor.apply(LB1, Desired(0.5), KEY)
    executor.apply(LB1, Desired(0.0), KEY)
    lb.ask("set server stock/c0 state ready")
    assert observed(executor) == 0.0


def test_observe__servers_whose_checks_fail__count_as_what_may_come(lb, executor, settings):
    settings.OPERATOR = operator({"lb1": lb.target(backend="checked")})
    wait_until(lambda: lb.ask("show stat checked 4 -1").count("DOWN") >= 2, 60, "checks fail")
    # The canary counts though it is down, the stable server that is down does not.
    assert observed(executor) == 50 / 150
    executor.apply(LB1, Desired(0.2), KEY)
    assert observed(executor) == pytest.approx(0.2, abs=GRAIN)


def test_apply__healthy_stable_server_of_weight_zero__is_taken_for_able_to_serve(
    lb, executor, settings
):
    settings.OPERATOR = operator({"lb1": lb.target(backend="up")})
    wait_until(lambda: ",UP," in lb.ask("show stat up 4 -1"), 60, "the check passes")
    executor.apply(LB1, Desired(1.0), KEY)
    executor.apply(LB1, Desired(0.5), KEY)
    assert (lb.weights("up"), observed(executor)) == ({"s0": 256, "c0": 256}, 0.5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"backend": "nowhere"}, "No such"),
        ({"canary": ["c0", "c9"]}, "backend stock has no server c9"),
        ({"canary": ["s0", "s1", "c0"]}, "no stable server beside the canary"),
        ({"backend": "alone"}, "no stable server beside the canary"),
    ],
)
def test_target__is_not_what_the_operator_said__is_an_error_for_good(
    lb, executor, settings, given, says
):
    settings.OPERATOR = operator({"lb1": lb.target(**given)})
    for call in (lambda: executor.observe(LB1, KEY), lambda: executor.apply(LB1, Desired(1), KEY)):
        with pytest.raises(ExecutorError, match=says) as error:
            call()
        assert error.value.permanent
        assert str(error.value).startswith("lb1: ")


def test_apply__static_balancing__is_refused_for_good_and_exposes_nothing_more(
    lb, executor, settings
):
    settings.OPERATOR = operator({"lb1": lb.target(backend="hashed")})
    before = observed(executor)
    with pytest.raises(ExecutorError, match="static LB algorithm") as error:
        executor.apply(LB1, Desired(0.5), KEY)
    assert error.value.permanent
    assert observed(executor) <= before
    executor.apply(LB1, Desired(0.0), KEY)
    assert observed(executor) == 0.0


def test_apply__socket_without_admin_level__says_what_haproxy_says(lb, executor, settings):
    address = str(lb.folder / "watcher.sock")
    settings.OPERATOR = operator({"lb1": lb.target(address=address)})
    with pytest.raises(ExecutorError, match="Permission denied"):
        executor.apply(LB1, Desired(0.5), KEY)
    assert lb.canary_share() == 0.0


@pytest.fixture
def impostor(settings, tmp_path_factory):
    """Something that is not HAProxy: says what it is told to, and then what `more` yields."""
    listener = socket.create_server(("127.0.0.1", 0))
    said: dict[str, object] = {"text": b"", "more": iter(())}

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(said["text"])
                    for more in said["more"]:
                        connection.sendall(more)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    target = {"executor": "haproxy", "backend": "stock", "canary": ["c0"]}
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    settings.OPERATOR = operator({"lb1": target | {"address": address}})
    yield said
    listener.close()


def drip():
    while True:
        time.sleep(0.05)
        yield b"#"


def test_call__answer_drips_without_end__is_cut_off(impostor, executor):
    executor.timeout_s = 1.0
    impostor["more"] = drip()
    began = time.monotonic()
    with pytest.raises(ExecutorError, match="no whole answer within 1 s"):
        observed(executor)
    assert time.monotonic() - began < 30


def test_call__answer_without_end__is_cut_off_in_size(impostor, executor, monkeypatch):
    monkeypatch.setattr(haproxy_runtime, "MOST_BYTES", 100_000)
    impostor["text"] = b"#" * 200_000
    with pytest.raises(ExecutorError, match="longer than 100000 bytes"):
        observed(executor)


STATISTICS = "# pxname,svname,weight,uweight,bck\nstock,s0,100,100,0,,\nstock,c0,0,0,0,,\n\n"
STATE = "1\n# be_id srv_name srv_op_state srv_admin_state srv_iweight\n3 s0 2 0 100\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n\n",
        STATISTICS,
        STATISTICS + STATE,
        STATISTICS + STATE + "\n",
        STATISTICS + STATE.replace("1\n", "2\n") + "3 c0 2 0 0\n\n",
        STATISTICS + STATE + "3 c0 2 x 0\n\n",
        STATISTICS.replace("c0,0,0", "c0,,") + STATE + "3 c0 2 0 0\n\n",
    ],
)
def test_observe__answer_that_is_not_whole_or_not_haproxys__is_an_error_and_never_zero(
    impostor, executor, text
):
    impostor["text"] = text.encode()
    with pytest.raises(ExecutorError, match="lb1"):
        observed(executor)


def test_observe__whole_answer__is_read(impostor, executor):
    impostor["text"] = (STATISTICS + STATE + "3 c0 2 0 0\n\n").encode()
    assert observed(executor) == 0.0


def test_call__haproxy_hangs__is_cut_off_and_lands_nowhere_after_its_time(lb, executor):
    executor.timeout_s = 0.5
    lb.freeze()
    with pytest.raises(ExecutorError, match=r"no whole answer within 0\.5 s"):
        executor.apply(LB1, Desired(0.5), KEY)
    lb.thaw()
    # It had not got further than reading: what it never read it cannot have set.
    assert lb.canary_share() == 0.0


def test_call__haproxy_is_gone__says_so_without_the_address(lb, executor, settings, tmp_path):
    for address in (str(tmp_path / "none.sock"), "127.0.0.1:9"):
        settings.OPERATOR = operator({"lb1": lb.target(address=address)})
        with pytest.raises(ExecutorError, match=r"^lb1: \w+Error$") as error:
            observed(executor)
        assert not error.value.permanent


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"address": "admin.sock"}, "neither"),
        ({"address": "host:0"}, "neither"),
        ({"address": 5}, "neither"),
        ({"backend": "stock;shutdown sessions"}, "`backend`"),
        ({"canary": []}, "`canary` is not"),
        ({"canary": "c0"}, "`canary` is not"),
        ({"canary": ["c0\nset weight stock/s0 0"]}, "`canary` is not"),
        ({"canary": ["c0", "c0"]}, "twice"),
        ({"url": "http://elsewhere"}, "no `url`"),
    ],
)
def test_validate__bad_target_in_the_operators_file__is_said(lb, executor, settings, given, says):
    settings.OPERATOR = operator({"lb1": lb.target(**given)})
    assert says in executor.validate(LB1)[0]


def test_validate__config__names_a_haproxy_target_and_nothing_else(lb, executor, settings):
    settings.OPERATOR = operator({"lb1": lb.target(), "edge": {"url": "http://x", "secret": "s"}})
    assert executor.validate(LB1) == []
    assert executor.validate(LB1 | {"address": lb.socket}) == [
        "haproxy takes only `target`, not `address`"
    ]
    for name in ("edge", "nowhere", ["lb1"], None):
        assert "no haproxy target" in executor.validate({"target": name})[0]
