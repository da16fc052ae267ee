import subprocess
import sys

# In a process of its own: the server that the other tests use has started long ago.
MANY_AT_ONCE = """
import sys, threading
from controlplane.embedded import base
found, go = [], threading.Barrier(8)
def first_connection():
    go.wait()
    found.append(base.socket_directory(sys.argv[1], 1))
threads = [threading.Thread(target=first_connection) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(found), len(set(found)))
"""


def test_embedded__many_threads_make_the_first_connection__one_server_for_all(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MANY_AT_ONCE, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["8", "1"]
