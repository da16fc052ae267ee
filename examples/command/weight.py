#!/usr/bin/env python3
"""As weight.sh, and it refuses a call that is older than the newest it has seen (`fencing`).

In the operator's file: {"executor": "command", "argv": ["/opt/deploy/weight.py"],
  "env": ["WEIGHT_FILE"], "grain": 0.01, "fencing": "target"}
Needs nothing but Python >= 3.9.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).resolve().parent
REFUSED = 3


def main() -> int:
    question = json.load(sys.stdin)
    # One call at a time: between the look at the newest generation and the script nobody comes.
    with Path(os.environ["WEIGHT_FILE"] + ".seen").open("a+") as seen:
        fcntl.flock(seen, fcntl.LOCK_EX)
        return answer(question, seen)


def answer(question: dict[str, Any], seen: TextIO) -> int:
    key = question["key"]
    newest = read(seen)
    if question["action"] == "validate":
        print(json.dumps({"detail": f"set-weight.sh {percent(question['exposure'])}"}))
        return 0
    if question["action"] == "apply":
        if is_older(key, newest):
            print(f"newest is {newest['generation']}, not {key['generation']}", file=sys.stderr)
            return REFUSED
        # First the mark, then the effect: killed in between, the same call comes again.
        newest = write(seen, key, newest)
        script("set-weight.sh", str(percent(question["exposure"])))
    mine = key["rollout"] in ("", newest["rollout"])
    now = {"exposure": int(script("get-weight.sh")) / 100}
    print(json.dumps({**now, "generation": newest["generation"] if mine else 0}))
    return 0


def read(seen: TextIO) -> dict[str, Any]:
    seen.seek(0)
    text = seen.read()
    return json.loads(text) if text else {"rollout": "", "generation": 0, "ended": []}


def is_older(key: dict[str, Any], newest: dict[str, Any]) -> bool:
    if key["rollout"] in newest["ended"]:
        return True
    return key["rollout"] == newest["rollout"] and key["generation"] < newest["generation"]


def write(seen: TextIO, key: dict[str, Any], newest: dict[str, Any]) -> dict[str, Any]:
    """The target has one share: where another rollout begins, the one before has ended."""
    holder = key["rollout"] or newest["rollout"]
    ended = newest["ended"]
    if newest["rollout"] not in ("", holder):
        ended = [*ended, newest["rollout"]][-20:]
    mark = {"rollout": holder, "generation": key["generation"], "ended": ended}
    seen.seek(0)
    seen.truncate()
    seen.write(json.dumps(mark))
    seen.flush()
    os.fsync(seen.fileno())
    return mark


def percent(share: float) -> int:
    whole = int(share * 100 + 1e-6)
    return max(1, whole) if share > 0 else 0


def script(name: str, *arguments: str) -> str:
    done = subprocess.run([HERE / name, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
