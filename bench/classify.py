"""How well classification tells risky changes from harmless ones, kind by kind.

    python bench/classify.py [KIND ...] [--misses] [--sources] [--reviewer URL]

GRAYGATE_CASES: the folder that holds classify/KIND.jsonl, each line a case of `classify` with
`expect`. A case counts as flagged when any of its signals is medium or above.

A new kind is one line in KINDS: how its expectations are checked, and a big artefact with the CPU
time that it may take. What was judged by hand-written rules is the same for every source, so that
`--sources` shows each source by itself.
"""

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import classify_kubernetes_iam
import classify_terraform
from classify_sizes import sql_of_size

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from controlplane.reviewer import LONGEST_TIMEOUT_S, Reviewer
from controlplane.risk.classify import classify
from controlplane.risk.signals import rank

Case = Mapping[str, Any]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One question that a case puts: `wanted` is the known answer, `got` is ours."""

    what: str
    wanted: bool
    got: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """`large`: an artefact of the promised size, which may take `cpu_s` of CPU time."""

    checks: Callable[[Case, Answer], Iterable[Check]]
    large: Callable[[Sequence[Case]], Case] | None = None
    cpu_s: float = 0.2
    # What else is promised of it, a line each.
    further: Callable[[Sequence[Case]], Iterable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    case: Case
    answer: Answer
    checks: tuple[Check, ...]
    wrong_level: str

    @property
    def source(self) -> str:
        return str(self.case["id"]).partition(":")[0]

    @property
    def missed(self) -> list[str]:
        wrong = [each for each in self.checks if each.wanted != each.got]
        said = [f"{'missed' if each.wanted else 'false alarm'}: {each.what}" for each in wrong]
        return said + ([self.wrong_level] if self.wrong_level else [])


def unsafe_or_safe(case: Case, answer: Answer) -> Iterator[Check]:
    flagged = any(rank(signal["severity"]) >= rank("medium") for signal in answer["signals"])
    if "unsafe" in case["expect"]:
        yield Check("unsafe", case["expect"]["unsafe"], flagged)


def finding_named(case: Case, answer: Answer) -> Iterator[Check]:
    """By the peer's name of it, among a signal's aliases."""
    names = classify_kubernetes_iam.named(answer)
    wanted = [case["expect"]["finding"]] if "finding" in case["expect"] else []
    for name in case["expect"].get("findings", wanted):
        yield Check(name, wanted=True, got=name in names)


def kubernetes(cases: Sequence[Case]) -> Iterator[str]:
    return classify_kubernetes_iam.lines_of(classify_kubernetes_iam.kubernetes(cases))


def iam(cases: Sequence[Case]) -> Iterator[str]:
    return classify_kubernetes_iam.lines_of(classify_kubernetes_iam.iam(cases))


KINDS: dict[str, Kind] = {
    "sql_migration": Kind(unsafe_or_safe, sql_of_size),
    "config": Kind(unsafe_or_safe),
    "kubernetes_manifest": Kind(finding_named, further=kubernetes),
    "iam_policy": Kind(finding_named, further=iam),
    "terraform_plan": Kind(
        lambda _case, _answer: (), classify_terraform.plan_of_size, 0.5, classify_terraform.plans
    ),
}


def cases_of(folder: Path, kind: str) -> list[Case]:
    for path in (folder / f"{kind}.jsonl", folder / f"{kind}.jsonl.gz"):
        if path.exists():
            raw = path.read_bytes()
            text = gzip.decompress(raw) if path.suffix == ".gz" else raw
            return [json.loads(line) for line in text.splitlines()]
    return []


def judged(case: Case, kind: Kind) -> Judged:
    try:
        answer = classify(case)
    except Exception as problem:  # noqa: BLE001  # the table counts what no case may cause
        return Judged(case, {}, (), f"no answer: {problem!r}")
    return Judged(case, answer, tuple(kind.checks(case, answer)), _wrong_level(case, answer))


def _wrong_level(case: Case, answer: Answer) -> str:
    expect = case.get("expect", {})
    least, most = expect.get("min_level"), expect.get("max_level")
    if least and rank(answer["level"]) < rank(least):
        return f"level {answer['level']} below {least}"
    if most and rank(answer["level"]) > rank(most):
        return f"level {answer['level']} above {most}"
    return ""


def reviewer_of(given: argparse.Namespace) -> Reviewer | None:
    if not given.reviewer:
        return None
    return Reviewer.of(
        {
            "url": given.reviewer,
            "model": given.reviewer_model,
            "token_env": given.reviewer_token_env,
            "timeout_s": LONGEST_TIMEOUT_S,
        }
    )


def reviewed(cases: Sequence[Case], kind: Kind, reviewer: Reviewer) -> tuple[list[Judged], int]:
    """The same cases, each asked once; and how many got no answer, and count as the rules say."""
    asked = [{**case, "review": reviewer.review(case)} for case in cases]
    unanswered = sum("unavailable" in case["review"] for case in asked)
    return [judged(case, kind) for case in asked], unanswered


def row(name: str, found: Sequence[Judged]) -> str:
    checks = [each for one in found for each in one.checks]
    hit = sum(each.wanted and each.got for each in checks)
    alarm = sum(each.got and not each.wanted for each in checks)
    bad = sum(each.wanted for each in checks)
    levels = sum(bool(one.wrong_level) for one in found)
    shares = (_share(hit, hit + alarm), _share(hit, bad), _share(alarm, len(checks) - bad))
    return f"| {name} | {len(found)} | " + " | ".join(shares) + f" | {levels} |"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "–"


def cpu_seconds(case: Case) -> float:
    """The best of three: what the machine does besides is not the reader's."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        classify(case)
        taken.append(time.process_time() - start)
    return min(taken)


def _timing(kind: Kind, cases: Sequence[Case]) -> str:
    if kind.large is None:
        return ""
    case = kind.large(cases)
    size = len(case["artefact"]) if isinstance(case["artefact"], str) else len(json.dumps(case))
    taken = cpu_seconds(case)
    verdict = "within" if taken <= kind.cpu_s else "OVER"
    return f"{size / 1000:.0f} KB in {taken:.3f} s of CPU, {verdict} {kind.cpu_s} s"


def main() -> None:
    reader = argparse.ArgumentParser(description="precision and recall of classification")
    reader.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    reader.add_argument("--misses", action="store_true", help="name each case answered wrongly")
    reader.add_argument("--sources", action="store_true", help="a line for each source as well")
    reader.add_argument("--reviewer", metavar="URL", help="a chat endpoint: a row with it as well")
    reader.add_argument("--reviewer-model", metavar="NAME", default="default")
    reader.add_argument("--reviewer-token-env", metavar="VARIABLE", default="")
    given = reader.parse_args()
    unknown = set(given.kinds) - KINDS.keys()
    if unknown:
        reader.error(f"no such kind: {', '.join(sorted(unknown))}")
    folder = os.environ.get("GRAYGATE_CASES")
    if not folder:
        sys.exit("Set GRAYGATE_CASES to the folder that holds classify/sql_migration.jsonl.")
    report(Path(folder) / "classify", given.kinds or list(KINDS), given)


def report(folder: Path, names: Sequence[str], given: argparse.Namespace) -> None:
    notes = []
    print("| kind | cases | precision | recall | false alarms | levels out of bounds, no answer |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in names:
        cases = cases_of(folder, name)
        found = [judged(case, KINDS[name]) for case in cases]
        print(row(name, found))
        if reviewer := reviewer_of(given):
            seen, unanswered = reviewed(cases, KINDS[name], reviewer)
            print(row(f"{name}, with reviewer", seen))
            notes.append(f"{name}: the reviewer left {unanswered} of {len(cases)} unanswered")
        if given.sources:
            for source in sorted({one.source for one in found}):
                print(row(f"– {source}", [one for one in found if one.source == source]))
        further = KINDS[name].further
        notes += [f"{name}: {line}" for line in further(cases)] if cases and further else []
        if cases and (timing := _timing(KINDS[name], cases)):
            notes.append(f"{name}: {timing}")
        if given.misses:
            notes += [f"{one.case['id']}: {'; '.join(one.missed)}" for one in found if one.missed]
    print("\n" + "\n".join(notes))


if __name__ == "__main__":
    main()
