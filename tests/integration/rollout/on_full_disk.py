"""A process of its own, whose database lies on a small disk: what the loop does when it is full.

    python -m tests.integration.rollout.on_full_disk FOLDER_OF_THE_DATABASE

Writes one JSON object: what was seen, for the test to judge.
"""

import json
import os
import sys
import uuid
from pathlib import Path

import django

BLOCK = b"\0" * 65536


def fill(disk: Path) -> int:
    """Until not one block more fits. How much that was."""
    written = 0
    with (disk / "filler").open("wb", buffering=0) as file:
        for block in (BLOCK, BLOCK[:4096]):
            try:
                while True:
                    written += file.write(block)
            except OSError:
                continue
    return written


def main(disk: Path) -> dict:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - models load after apps

    call_command("migrate", verbosity=0)
    from tests.integration.rollout.full_disk_story import Story  # noqa: PLC0415

    story = Story(str(uuid.uuid4()))
    story.begin()
    filled = fill(disk)
    story.full()
    (disk / "filler").unlink()
    story.room_again()
    return {"filled": filled, **story.seen}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
