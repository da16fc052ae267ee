"""Asks a Prometheus for the facts that proposals are made of. Changes nothing, stores nothing.

1. Names and types of all metrics; which of them are worth asking about (discovery/candidates.py).
2. Of each, the names of its labels, then how many series have which values of those that matter.
3. Proposals, and what each of them shows now.

All of it has one deadline, each request one of its own, and every answer is bounded. What a large
or slow server does not answer is told and left out.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from attribution.discovery import measuring
from attribution.discovery.candidates import candidates, grouping, status_among, unknown_labels
from attribution.discovery.facts import Candidate, Component, Facts, Family, Group, Target
from attribution.discovery.propose import Proposal, propose
from attribution.sources.answers import AnswerError, Found
from attribution.sources.batching import Expression
from attribution.sources.metadata_api import MetadataApi, MetadataError
from attribution.sources.promql import check_embeddable
from attribution.sources.query_api import QueryApi, RefusedError, Server, UnreadError
from attribution.sources.querying import ask
from attribution.sources.set_aside import SetAside

AT_ONCE = 4
REQUEST_S = 10.0
# Of one metric; a label with more values than this tells neither services nor versions.
MOST_GROUPS = 20_000
MOST_VALUES = 50
# Of these the proposals are made; the rest is told.
MOST_PROPOSALS = 3_000


@dataclass
class Discovered:
    proposals: list[Proposal]
    # A sentence each: what was left out and why, what was seen and is no service.
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Given:
    """What the operator adds: targets of the operator's file, entries of a catalogue."""

    targets: tuple[Target, ...] = ()
    catalogue: tuple[Component, ...] = ()


def discover(
    server: Server,
    given: Given,
    timeout_s: float,
    only: str = "",
    say: Callable[[str], None] = lambda _text: None,
) -> Discovered:
    """Raises MetadataError when the server says nothing at all."""
    asker = _Asker(server, timeout_s, only)
    names, types = asker.names(), asker.types()
    chosen = candidates(names, types)
    say(f"{len(names)} metrics, {len(chosen)} of them looked at")
    families = [family for family in asker.families(chosen) if family.groups]
    proposals, seen = propose(Facts(tuple(families), given.targets, given.catalogue))
    if len(proposals) > MOST_PROPOSALS:
        seen.append(f"only {MOST_PROPOSALS} of {len(proposals)} services are proposed: use --only")
    say(f"{len(proposals)} services; what they show now")
    told = asker.measured(proposals[:MOST_PROPOSALS])
    return Discovered(told, [*asker.remarks, *seen])


class _Asker:
    def __init__(self, server: Server, timeout_s: float, only: str) -> None:
        self._server, self._only = server, only
        self._at = time.time()
        self._deadline = time.monotonic() + timeout_s
        self.remarks: list[str] = []

    def names(self) -> list[str]:
        return self._metadata().names()

    def types(self) -> dict[str, str]:
        """None told is no harm: names tell most of it."""
        try:
            return self._metadata().types()
        except MetadataError:
            return {}

    def families(self, chosen: Sequence[Candidate]) -> Iterator[Family]:
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for candidate, found in zip(chosen, pool.map(self._family, chosen), strict=True):
                if isinstance(found, str):
                    self.remarks.append(f"{candidate.name} was left out: {found}")
                else:
                    yield found

    def _family(self, candidate: Candidate) -> Family | str:
        try:
            labels = self._metadata().labels(candidate.name)
            status = self._status(candidate, labels)
            by = (*grouping(candidate, labels), *([status] if status else ()))
            groups = tuple(self._groups(candidate.name, by))
        except (MetadataError, RefusedError, UnreadError, AnswerError) as problem:
            return str(problem)
        if len(groups) >= MOST_GROUPS:
            self.remarks.append(
                f"of {candidate.name} the {MOST_GROUPS} largest groups were looked at: use --only"
            )
        return Family(candidate, groups, {status: "status"} if status else {})

    def _status(self, candidate: Candidate, labels: Sequence[str]) -> str:
        asked = unknown_labels(candidate, labels)
        api = self._metadata()
        return status_among({each: api.values(candidate.name, each, MOST_VALUES) for each in asked})

    def _groups(self, metric: str, by: Sequence[str]) -> Iterator[Group]:
        query = f"topk({MOST_GROUPS}, count by ({', '.join(by)}) ({metric}{{{self._only}}}))"
        answer = QueryApi(self._server, self._at, self._left()).answer(query)
        for each in answer.results[:MOST_GROUPS]:
            try:
                labels = {str(name): str(value) for name, value in each["metric"].items()}
                series = int(float(each["value"][1]))
            except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
                raise AnswerError("a result that cannot be read") from None
            yield Group({name: labels.get(name, "") for name in by}, series)

    def measured(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        asked = dict.fromkeys(text for each in proposals for text in measuring.questions(each))
        # However many there are, they end when the time is up.
        api = QueryApi(self._server, self._at, max(0.1, self._deadline - time.monotonic()))
        outcome = ask(api, map(Expression, _embeddable(asked)), SetAside())
        answers: dict[str, list[Found]] = {
            part.text: found
            for part, found in outcome.found.items()
            if isinstance(part, Expression)
        }
        if missing := {**outcome.refused, **outcome.failed}:
            why = next(iter(missing.values()))
            self.remarks.append(f"{len(missing)} present values are not known: {why}")
        return [measuring.measured(each, answers) for each in proposals]

    def _metadata(self) -> MetadataApi:
        return MetadataApi(self._server, self._at, self._left(), self._only)

    def _left(self) -> float:
        """0: the API says that no time was left."""
        return min(REQUEST_S, max(0.0, self._deadline - time.monotonic()))


def _embeddable(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        check_embeddable(text)
        yield text


def target_of(name: str, entry: object) -> Target:
    """Of the operator's file; what it does not say is left empty."""
    given = entry if isinstance(entry, dict) else {}
    canary = given.get("canary")
    servers = tuple(map(str, canary)) if isinstance(canary, list) else ()
    return replace(Target(name, str(given.get("backend") or "")), canary=servers)
