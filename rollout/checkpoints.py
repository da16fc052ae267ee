"""Checkpoints: the heads of the ledger's chains, kept where who can write the database cannot.

A file of JSON lines that only grows. One export: an opening line, a line for each rollout that has
new entries since the export before, a closing line whose digest covers all of them and the digest
of the export before:

    {"checkpoint": "2026-01-31T12:00:00+00:00", "previous": "…"}
    {"rollout": "…", "sequence": 7, "hash": "…"}
    {"heads": 1, "digest": "…"}

An export that did not come to its end has no closing line: its heads count all the same.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from django.utils.dateparse import parse_datetime

from rollout.models import Decision

LONGEST_LINE = 1000
# Entries of transactions that were still open at the export before.
OVERLAP = timedelta(hours=1)
BATCH = 1000
MOST_SEQUENCE = 2**31 - 1


class CheckpointError(ValueError):
    """A line that is none of an export, or a digest that is not that of its lines."""


@dataclass(frozen=True)
class Head:
    rollout: str
    sequence: int
    hash: str
    # "line 12".
    where: str = ""


class Reader:
    """The heads of a file, one after the other; what is left is known at its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest: Any = None
        self._count = self._number = 0
        # Of the newest export that came to its end.
        self.previous = ""
        self.at: datetime | None = None
        self.unfinished: list[str] = []

    def heads(self) -> Iterator[Head]:
        """Raises CheckpointError."""
        opened: datetime | None = None
        torn = False
        while line := self._file.readline(LONGEST_LINE + 1):
            self._number += 1
            fields = self._fields(line)
            if torn and "checkpoint" not in fields:
                raise self._error("comes after a line that was cut off")
            torn = not fields
            if "checkpoint" in fields:
                self._leave(opened)
                opened = self._open(fields, line)
            elif opened is None:
                raise self._error("belongs to no export")
            elif "rollout" in fields:
                yield self._head(fields, line)
            elif "heads" in fields:
                self._close(fields, opened)
                opened = None
            elif not torn:
                raise self._error("is no line of a checkpoint")
        self._leave(opened)

    def _fields(self, line: bytes) -> dict[str, Any]:
        """Of a line that was cut off, as by a full disk: none. Only an export's last can be."""
        if len(line) > LONGEST_LINE:
            raise self._error(f"is longer than {LONGEST_LINE} bytes")
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(fields, dict):
            raise self._error("is no JSON object")
        return fields

    def _open(self, fields: dict[str, Any], line: bytes) -> datetime:
        try:
            at = parse_datetime(str(fields["checkpoint"]))
        except ValueError:  # the thirteenth month
            at = None
        if at is None or at.tzinfo is None:
            raise self._error("has no time")
        if fields.get("previous") != self.previous:
            raise self._error("does not follow the export before it: lines were taken out")
        self._digest, self._count = hashlib.sha256(line), 0
        return at

    def _head(self, fields: dict[str, Any], line: bytes) -> Head:
        try:
            rollout = str(UUID(str(fields["rollout"])))
            sequence, found = fields["sequence"], str(fields["hash"])
        except (ValueError, KeyError):
            raise self._error("is no head of a chain") from None
        if type(sequence) is not int or not 1 <= sequence <= MOST_SEQUENCE:
            raise self._error("is no head of a chain")
        self._digest.update(line)
        self._count += 1
        return Head(rollout, sequence, found, f"line {self._number}")

    def _close(self, fields: dict[str, Any], at: datetime) -> None:
        if (fields["heads"], fields.get("digest")) != (self._count, self._digest.hexdigest()):
            raise self._error("closes other lines than those before it: they were altered")
        self.previous, self.at = self._digest.hexdigest(), at

    def _leave(self, opened: datetime | None) -> None:
        if opened is not None:
            self.unfinished.append(f"the export of {opened.isoformat()} did not come to its end")

    def _error(self, text: str) -> CheckpointError:
        return CheckpointError(f"line {self._number} {text}")


def lines(now: datetime, previous: str, since: datetime | None) -> Iterator[bytes]:
    """One export. `since`: when the one before was made; None: all of the ledger."""
    first = _line({"checkpoint": now.isoformat(), "previous": previous})
    digest, count = hashlib.sha256(first), 0
    yield first
    for head in _heads(since):
        line = _line({"rollout": head.rollout, "sequence": head.sequence, "hash": head.hash})
        digest.update(line)
        count += 1
        yield line
    yield _line({"heads": count, "digest": digest.hexdigest()})


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _heads(since: datetime | None) -> Iterator[Head]:
    rows = Decision.objects.all()
    if since is not None:
        rows = rows.filter(at__gt=since - OVERLAP)
    newest = rows.order_by("rollout_id", "-sequence").distinct("rollout_id")
    for row in newest.values_list("rollout_id", "sequence", "hash").iterator(chunk_size=BATCH):
        yield Head(str(row[0]), row[1], row[2])
