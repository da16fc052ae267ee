import base64

import pytest

from attribution.credentials import credentials

SECRET = "hunter2"


def test_headers__bearer_and_basic__say_who_we_are():
    bearer = credentials({"bearer_token": SECRET, "headers": {"X-Scope-OrgID": "shop"}})
    assert bearer.headers() == {"X-Scope-OrgID": "shop", "Authorization": f"Bearer {SECRET}"}
    pair = base64.b64encode(f"gray:{SECRET}".encode()).decode()
    basic = credentials({"username": "gray", "password": SECRET})
    assert basic.headers() == {"Authorization": f"Basic {pair}"}
    assert credentials({}).headers() == {}


def test_headers__file_was_rotated__is_read_anew(tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    made = credentials({"bearer_token_file": str(file)})
    file.write_text("new\n")
    assert made.headers()["Authorization"] == "Bearer new"
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        made.headers()


def test_tls__files__are_those_of_the_entry(tmp_path):
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("x")
    files = {f"{name}_file": str(tmp_path / name) for name in ("ca", "cert", "key")}
    tls = credentials(files).tls
    assert (tls.verify, tls.cert) == (files["ca_file"], (files["cert_file"], files["key_file"]))
    assert credentials({}).tls.verify is True


@pytest.mark.parametrize(
    "entry",
    [
        {"bearer_token": 7},
        {"bearer_token": ""},
        {"bearer_token": SECRET, "bearer_token_file": "/etc/passwd"},
        {"bearer_token": SECRET, "username": "gray", "password": SECRET},
        {"bearer_token": f"{SECRET}\r\nX-Other: 1"},
        {"username": "gray"},
        {"password": SECRET},
        {"username": "gray:x", "password": SECRET},
        {"username": "gray", "password": SECRET, "password_file": "/etc/passwd"},
        {"bearer_token_file": "/nowhere"},
        {"bearer_token_file": "/dev/null"},
        {"ca_file": "/nowhere"},
        {"key_file": "/etc/passwd"},
        {"headers": [SECRET]},
        {"headers": {"X Y": "1"}},
        {"headers": {"X": f"{SECRET}\n"}},
        {"headers": {"authorization": "x"}, "bearer_token": SECRET},
    ],
)
def test_credentials__wrong_entry__is_refused_without_its_secret(entry):
    with pytest.raises(ValueError, match=r".") as problem:
        credentials(entry)
    assert SECRET not in str(problem.value)
    assert SECRET not in repr(problem.value.__context__)


def test_credentials__shown__keep_the_secret():
    assert SECRET not in repr(credentials({"bearer_token": SECRET}))
