import json
import threading

from kombu import Connection

from controlplane.doorbell import Transport, taken


def connection(folder):
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
    }
    return Connection("filesystem://", transport=Transport, transport_options=options)


def test_doorbell__message_put__is_taken_once_and_whole(tmp_path):
    with connection(tmp_path) as made:
        queue = made.SimpleQueue("bells")
        queue.put({"ring": 1})
        assert queue.get(timeout=5).payload == {"ring": 1}
        assert not list(tmp_path.glob("*.msg*"))


def test_doorbell__half_written_message__is_dropped_and_the_next_one_taken(tmp_path):
    # A queue of its own: kombu remembers bindings for the life of the process.
    (tmp_path / "0_half.chimes.msg").write_text('{"body": "eyJ', encoding="utf-8")
    with connection(tmp_path) as made:
        queue = made.SimpleQueue("chimes")
        queue.put({"ring": 2})
        assert queue.get(timeout=5).payload == {"ring": 2}


def test_taken__many_consumers_see_one_message__one_gets_it(tmp_path):
    path = tmp_path / "1_x.bells.msg"
    path.write_text(json.dumps({"ring": 3}), encoding="utf-8")
    got, go = [], threading.Barrier(8)

    def consume():
        go.wait()
        got.append(taken(path))

    threads = [threading.Thread(target=consume) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [m for m in got if m] == [{"ring": 3}]
