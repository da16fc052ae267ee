import base64
import hashlib
import subprocess

import pytest

from controlplane.client.download import FILE


@pytest.fixture
def answer(client):
    return client.get("/client/graygate.py")


def test_client__nobody_logged_in__gets_the_file_with_its_sum(answer):
    content = FILE.read_bytes()
    digest = hashlib.sha256(content)
    assert answer.content == content
    assert answer["Content-Type"] == "text/x-python; charset=utf-8"
    assert answer["ETag"] == f'"{digest.hexdigest()}"'
    assert answer["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"


def test_client__known_already__is_not_sent_again(client, answer):
    again = client.get("/client/graygate.py", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_client__posted_to__is_405(client):
    assert client.post("/client/graygate.py").status_code == 405


def test_checksum__of_the_file__is_what_sha256sum_reads(client, answer, tmp_path):
    (tmp_path / "graygate.py").write_bytes(answer.content)
    told = client.get("/client/graygate.py.sha256").content
    done = subprocess.run(
        ["sha256sum", "--check"], input=told, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_client__downloaded__runs_on_a_bare_interpreter(answer, python, tmp_path):
    path = tmp_path / "graygate.py"
    path.write_bytes(answer.content)
    done = subprocess.run([python, "-I", "-S", path, "--version"], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"
