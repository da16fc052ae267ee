"""Is the ledger as it was written? Every rollout's chain, in batches, the first fault of each.

What a chain cannot show: that its end was cut off, that a whole rollout went with its entries, or
that every hash from an altered entry on was computed anew. That shows against a checkpoint that
was exported before (checkpoints.py).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from rollout.checkpoints import Head
from rollout.ledger import wrong_with
from rollout.models import Decision, Rollout

# Entries in memory at once: one may hold a case of a megabyte.
BATCH = 50
HEADS = 500
# Rows of one kind that are told: more than that is one great trouble.
MOST = 100
NOWHERE = UUID(int=0)
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Fault:
    rollout: str
    text: str

    def __str__(self) -> str:
        return f"rollout {self.rollout}: {self.text}"


def faults(seen: Progress) -> Iterator[Fault]:
    """`seen` is told after each batch how many entries were checked."""
    yield from _of_chains(seen)
    yield from _without_entries()
    yield from _without_rollout()
    yield from _other_spec()


@dataclass
class _Chain:
    """Where the walk is: the last entry that was looked at, and whether its chain is broken."""

    rollout: UUID = NOWHERE
    sequence: int = 0
    hash: str = ""
    broken: bool = False

    def fault_of(self, entry: Decision | None, rollout: UUID, sequence: int) -> str:
        """The first fault of its rollout, if it is here. None: a row that cannot be read."""
        if rollout != self.rollout:
            self.rollout, self.sequence, self.hash, self.broken = rollout, 0, "", False
        expected, previous = self.sequence + 1, self.hash
        self.sequence, self.hash = sequence, entry.hash if entry else ""
        if self.broken:
            return ""
        found = _fault(entry, sequence, expected, previous)
        self.broken = bool(found)
        return found


def _fault(entry: Decision | None, sequence: int, expected: int, previous: str) -> str:
    if sequence != expected:
        return f"entry {expected} is missing"
    if entry is None:
        return f"entry {sequence} cannot be read: it was altered"
    return next(iter(wrong_with(entry, previous)), "")


def _of_chains(seen: Progress) -> Iterator[Fault]:
    chain, count = _Chain(), 0
    while keys := _after(chain):
        entries = _read([key for key, _, _ in keys])
        for key, rollout, sequence in keys:
            if found := chain.fault_of(entries.get(key), rollout, sequence):
                yield Fault(str(rollout), found)
        count += len(keys)
        seen(count)


def _after(chain: _Chain) -> list[tuple[UUID, UUID, int]]:
    """By the index of the chains, so that nothing is sorted and no cursor stays open."""
    later = Q(rollout_id__gt=chain.rollout) | Q(sequence__gt=chain.sequence)
    rows = Decision.objects.filter(later, rollout_id__gte=chain.rollout)
    return list(
        rows.order_by("rollout_id", "sequence").values_list("pk", "rollout_id", "sequence")[:BATCH]
    )


def _read(keys: Sequence[UUID]) -> dict[UUID, Decision]:
    """A row that cannot be read (a number of 5,000 digits) leaves the others readable."""
    try:
        return Decision.objects.in_bulk(keys)
    except (ValueError, RecursionError):
        if len(keys) == 1:
            return {}
    return {key: row for each in keys for key, row in _read([each]).items()}


def _without_entries() -> Iterator[Fault]:
    """Every rollout begins with an entry, written in the transaction that made it."""
    entries = Decision.objects.filter(rollout=OuterRef("pk"))
    rows = Rollout.every.filter(~Exists(entries)).order_by("pk").values_list("pk", flat=True)
    for pk in rows[:MOST]:
        yield Fault(str(pk), "entry 1 is missing: it has no entries at all")


def _without_rollout() -> Iterator[Fault]:
    rollouts = Rollout.every.filter(pk=OuterRef("rollout_id"))
    rows = Decision.objects.filter(~Exists(rollouts)).order_by("rollout_id")
    for pk in rows.values_list("rollout_id", flat=True).distinct()[:MOST]:
        yield Fault(str(pk), "has entries, and is gone itself")


def _other_spec() -> Iterator[Fault]:
    """What a rollout does was frozen at its start (invariant 9): its first entry has it too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id FROM rollout_rollout r JOIN rollout_decision d"
            " ON d.rollout_id = r.id AND d.sequence = 1"
            " WHERE d.inputs -> 'spec' IS DISTINCT FROM r.spec OR d.change_id <> r.change_id"
            " ORDER BY r.id LIMIT %s",
            [MOST],
        )
        rows = cursor.fetchall()
    for (pk,) in rows:
        yield Fault(str(pk), "its spec or change is not that of its first entry")


def faults_against(heads: Iterable[Head]) -> Iterator[Fault]:
    """What was there at a checkpoint and is there no more, or is something else now."""
    rest = iter(heads)
    while some := list(islice(rest, HEADS)):
        for head, found in zip(some, _hashes(some), strict=True):
            what = f"entry {head.sequence}, in the checkpoint at {head.where},"
            if found is None:
                yield Fault(head.rollout, f"{what} is missing")
            elif found != head.hash:
                yield Fault(head.rollout, f"{what} is another one now")


def _hashes(heads: Sequence[Head]) -> list[str | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.hash FROM unnest(%s::uuid[], %s::int[])"
            " WITH ORDINALITY AS c(rollout, sequence, n)"
            " LEFT JOIN rollout_decision d"
            " ON d.rollout_id = c.rollout AND d.sequence = c.sequence ORDER BY c.n",
            [[h.rollout for h in heads], [h.sequence for h in heads]],
        )
        return [row[0] for row in cursor.fetchall()]
