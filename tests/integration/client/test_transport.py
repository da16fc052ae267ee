"""The client against servers that are not as they should be. No database, no Graygate."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CHANGE = {"change": "5f0c", "decision": "allowed", "level": "low", "reasons": [], "url": "u"}
TAKEN = (201, {}, json.dumps(CHANGE).encode())


@pytest.fixture
def submit(bare):
    name = bare.write("change.json", {"title": "x"})

    def submit(url, *options, **environment):
        return bare.run("submit", name, "--url", url, *options, **environment)

    return submit


def problem(slug):
    return json.dumps({"type": f"urn:graygate:problem:{slug}", "detail": slug}).encode()


@pytest.mark.parametrize(
    "busy",
    [
        (429, {"Retry-After": "1"}, b""),
        (503, {}, b"<html>"),
        (500, {}, b""),
        (409, {}, problem("idempotency-key-in-flight")),
        lambda _handler: None,
    ],
)
def test_submit__busy_then_taken__sends_the_same_key_again(scripted, submit, busy):
    server = scripted(busy, busy, TAKEN)
    done = submit(server.url, "--timeout=60")
    assert done.returncode == 0, done.stderr
    keys = {headers["Idempotency-Key"] for _, headers, _ in server.got}
    assert (len(server.got), len(keys)) == (3, 1)


def test_submit__told_when_to_come_again__does_not_come_before(scripted, submit):
    times = []

    def busy(_handler):
        times.append(time.monotonic())
        return (429, {"Retry-After": "3"}, b"") if len(times) == 1 else TAKEN

    assert submit(scripted(busy).url).returncode == 0
    assert times[1] - times[0] >= 3


def test_submit__told_to_come_again_too_late__gives_up_at_once(scripted, submit):
    done = submit(scripted((503, {"Retry-After": "3600"}, b"")).url, "--timeout=60")
    assert done.returncode == 1
    assert "unreachable" in done.stderr


def test_submit__conflict_that_does_not_end__is_refused_at_once(scripted, submit):
    server = scripted((409, {}, problem("not-possible")))
    assert submit(server.url).returncode == 1
    assert len(server.got) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_submit__redirect__is_not_followed_and_the_token_stays(scripted, submit, status):
    elsewhere = scripted(TAKEN)
    server = scripted((status, {"Location": elsewhere.url}, b""))
    done = submit(server.url, "--on-unreachable=allow")
    assert done.returncode == 1
    assert "leads elsewhere" in done.stderr
    assert elsewhere.got == []


def drip(handler):
    handler.send_response(201)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.2)
    except OSError:
        return


def flood(handler):
    handler.send_response(201)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 1_000_000)
    except OSError:
        return


def test_submit__answer_that_never_ends__ends(scripted, submit):
    started = time.monotonic()
    done = submit(scripted(drip).url, "--timeout=2", "--on-unreachable=allow")
    assert time.monotonic() - started < 60
    assert done.returncode == 0
    assert "UNCHECKED" in done.stderr


def test_submit__answer_without_bounds__is_refused(scripted, submit):
    done = submit(scripted(flood).url, "--on-unreachable=allow")
    assert done.returncode == 1
    assert "longer than" in done.stderr


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"<html>", b'{"change": "x"}', b"[" * 10**5]
)
def test_submit__answer_that_is_none__exits_1_without_a_traceback(scripted, submit, content):
    done = submit(scripted((201, {}, content)).url)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("policy", "code"), [("block", 1), ("allow", 0)])
def test_submit__nobody_listens__does_as_it_was_told(submit, policy, code):
    done = submit("http://127.0.0.1:9", "--wait", "--timeout=1", "--on-unreachable", policy)
    assert done.returncode == code
    assert json.loads(done.stdout)["decision"] is None


@pytest.mark.parametrize(
    "url",
    [
        "http://graygate.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
        "https://user:secret@graygate.example",
        "https://graygate.example/#x",
        "https://graygate.example/ x",
        "https://",
        "http://[::1",
        "graygate.example",
        "",
    ],
)
def test_submit__address_that_is_not_safe__sends_nothing(submit, url):
    done = submit(url, "--on-unreachable=allow")
    assert done.returncode == 1
    assert "secret" not in done.stderr


def test_submit__insecure_where_it_is_meant__is_tried(submit):
    done = submit("http://graygate.invalid", "--insecure-http", "--timeout=1")
    assert "unreachable" in done.stderr


@pytest.mark.parametrize("key", ["a\nb", "ä", "x" * 256])
def test_submit__key_that_no_header_can_carry__exits_1_also_where_unreachable_is_allowed(
    submit, scripted, key
):
    server = scripted(TAKEN)
    assert submit(server.url, f"--idempotency-key={key}", "--on-unreachable=allow").returncode == 1
    assert server.got == []


def test_submit__no_such_ca_file__exits_1_also_where_unreachable_is_allowed(submit):
    options = ("--ca-file=none.pem", "--on-unreachable=allow", "--timeout=1")
    assert submit("https://localhost:9", *options).returncode == 1


@pytest.mark.parametrize(
    "argv", [["submit"], ["fly"], [], ["submit", "x", "--until=never"], ["check", "x"]]
)
def test_command_line__wrong__exits_1_and_not_2(bare, argv):
    assert bare.run(*argv).returncode == 1


def test_submit__token_ran_out_while_waiting__takes_a_new_one(scripted, submit):
    tokens = iter(["t1", "t2"])

    def answer(handler):
        if handler.path == "/api/v1/tokens/exchange":
            return 200, {}, json.dumps({"access_token": next(tokens)}).encode()
        fresh = handler.headers["Authorization"] == "Bearer t2"
        return TAKEN if fresh else (401, {}, problem("authentication-failed"))

    done = submit(scripted(answer).url, GRAYGATE_TOKEN="", GRAYGATE_ID_TOKEN="jwt")
    assert done.returncode == 0, done.stderr


def test_submit__token_never_accepted__gives_up(scripted, submit):
    def answer(handler):
        if handler.path == "/api/v1/tokens/exchange":
            return 200, {}, b'{"access_token": "t"}'
        return 401, {}, problem("authentication-failed")

    server = scripted(answer)
    assert submit(server.url, GRAYGATE_TOKEN="", GRAYGATE_ID_TOKEN="jwt").returncode == 1
    assert len(server.got) == 4


@pytest.fixture
def certified(tmp_path):
    """certified(name) → a file with a key and a certificate of its own for that name."""

    def make(name):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(subject, subject, key.public_key(), 7)
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path = tmp_path / f"{name}.pem"
        path.write_bytes(key.private_bytes(pem, pkcs8, plain) + made.public_bytes(pem))
        return path

    return make


@pytest.mark.parametrize(
    ("name", "trusted", "code"),
    [("localhost", True, 0), ("localhost", False, 1), ("other.example", True, 1)],
)
def test_submit__certificate__is_verified_with_its_name(
    scripted, submit, certified, name, trusted, code
):
    server = scripted(TAKEN, tls=certified(name))
    options = ["--ca-file", str(server.tls)] if trusted else []
    done = submit(server.url, "--timeout=5", "--on-unreachable=allow", *options)
    assert done.returncode == code, done.stderr
    assert bool(server.got) is (code == 0)
