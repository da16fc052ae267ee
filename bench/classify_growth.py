"""What takes the square of its size? Each kind's reader, and what hides secrets, over texts that
repeat one thing: twice as much should take twice as long.

`python bench/classify_growth.py [KIND…]`, a few minutes for all. Prints what takes more than three
times as long for twice as much. Exit 1 if anything does.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from controlplane.risk.classify import classify
from controlplane.risk.hidden import revealed
from controlplane.risk.kinds import KINDS

CHARACTERS = 100_000
# Below it the clock is too coarse; what is below it at this size is no danger.
LEAST_S = 0.1
MOST_S = 5.0
WORSE = 3.0
NAMES = ("", "a.yaml", "a.toml", "a.ini", "a.json", "a.sql", "a.py")
REPEATED = (
    *("\n", "\r\n", " ", "\t", "a", "0", "(", "[", "{", "<", '"', "'", "`", "\\", "-", "+", "_"),
    *("*", "?", "=", ":", ";", ",", ".", "|", "%", "!", "@", "#", "/", "&a ", "*a ", "a.", "a,"),
    *("a b ", "((", "[[", "{a:", "(a", '"a".', "'a' ", "a: ", "- ", "? ", "a:\n", "a=1\n", "1,"),
    *("/*", "*/", "/* */", "--", "-- \n", "//", "#\n", "$$", "$a$", "${", "{{", "~", "\\.\n"),
    *("select ", "begin;", "union select 1 ", "with a as (", "case when ", "and a=1 "),
    *("create table a(b int);\n", "alter table a add b int;\n", "copy a from stdin;\n"),
    *("diff --git a/a b/a\n", "--- a/a\n+++ b/a\n", "@@ -1 +1 @@\n", "+a\n", "-a\n", " a\n"),
    *("---\n", "kind: Secret\n---\n", "if x:\n", "a(", "a==1\n", "a>=1,<2\n", "require a v1\n"),
    *('[[package]]\nname = "a"\n', "x IN A 1.2.3.4\n", "$ORIGIN a.\n", 'a. 300 IN TXT "b" '),
    *("s3:*a", "a*b*", "arn:aws:s3:::a*", "eyJ", "AKIA", "ghp_", "://a:", "a@b"),
    *("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\nA"),
)


class LateError(BaseException):
    """Past what any `except Exception` of a reader would swallow."""


def late(*_: Any) -> None:
    raise LateError


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_S)
    try:
        with suppress(LateError):
            work()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.process_time() - began


def texts(characters: int) -> Iterator[tuple[str, str]]:
    """Alone, and between a beginning that is something else and an end that does not fit."""
    for one in REPEATED:
        many = one * (characters // len(one))
        yield repr(one), many
        yield f"x, {one!r}", f"x{many}x\n{{"


def works(kinds: list[str], characters: int) -> Iterator[tuple[str, Callable[[], object]]]:
    for what, text in texts(characters):
        yield f"secrets of {what}", lambda text=text: revealed(text)
        for kind, name in product(kinds, NAMES):
            if name in ("", "a.yaml") or kind == "config":
                case = {"kind": kind, "artefact": text, "before": "x", "path": name}
                yield f"{kind} {name} {what}", lambda case=case: classify(case)


def main(kinds: list[str]) -> int:
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGVTALRM, late)
    found = 0
    pairs = zip(works(kinds, CHARACTERS), works(kinds, 2 * CHARACTERS), strict=True)
    for (what, once), (_, twice) in pairs:
        took = seconds(once)
        if took < LEAST_S:
            continue
        longer = seconds(twice)
        if longer > WORSE * took:
            found += 1
            print(f"{what}: {took:.2f} s, twice as much {longer:.2f} s", flush=True)
    print(f"{found} take more than {WORSE:g} times as long for twice as much")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(KINDS)))
