"""The demo wipes what it made, and nothing else."""

import pytest

from demo.folder import FolderError, prepare


def test_folder__made_by_the_demo__is_wiped_at_the_next_start(tmp_path):
    first = prepare(tmp_path / "demo")
    first.log("web").write_text("old")
    first.lock.close()
    second = prepare(tmp_path / "demo")
    assert not second.log("web").exists()


def test_folder__of_somebody_else__is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderError, match="not made by the demo"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_folder__in_use__is_refused(tmp_path):
    prepared = prepare(tmp_path / "demo")
    with pytest.raises(FolderError, match="another demo"):
        prepare(tmp_path / "demo")
    assert not prepared.lock.closed
