"""What `classify.py` asks of Terraform plans: their levels, and what may not be below or above."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from controlplane.risk.classify import classify
from controlplane.risk.signals import SEVERITIES, rank
from controlplane.risk.terraform.catalogue import holds_data

Case = Mapping[str, Any]
Answered = tuple[Case, Mapping[str, Any]]


def plans(cases: Sequence[Case]) -> Iterator[str]:
    answered = answers(cases)
    yield f"not readable: {unread(answered) or 'none'}"
    yield ", ".join(f"{name} {count}" for name, count in distribution(answered).items())
    losing, too_low = data_lost_below_critical(answered)
    yield f"losing data: {losing}, below critical: {too_low or 'none'}"
    creating, unexplained = only_creating_unexplained(answered)
    yield f"only creating: {creating}, above medium without a reason: {unexplained or 'none'}"


def answers(given: Sequence[Case]) -> list[Answered]:
    return [(case, classify(case)) for case in given]


def unread(answered: Sequence[Answered]) -> list[str]:
    return [case["id"] for case, answer in answered if "unparsed" in _ids(answer)]


def distribution(answered: Sequence[Answered]) -> dict[str, int]:
    counts = Counter(answer["level"] for _, answer in answered)
    return {level: counts[level] for level in SEVERITIES}


def data_lost_below_critical(answered: Sequence[Answered]) -> tuple[int, list[str]]:
    """How many plans delete or replace what holds data, and which of them are too low."""
    losing = [(case, answer) for case, answer in answered if any(_loses(case))]
    return len(losing), [case["id"] for case, one in losing if one["level"] != "critical"]


def only_creating_unexplained(answered: Sequence[Answered]) -> tuple[int, list[str]]:
    """How many plans only create, and which are above medium with no signal of that weight."""
    creating = [(case, answer) for case, answer in answered if _only_creates(case)]
    return len(creating), [
        case["id"]
        for case, answer in creating
        if rank(answer["level"]) > rank("medium")
        and not any(rank(one["severity"]) >= rank("medium") for one in answer["signals"])
    ]


def plan_of_size(_cases: Sequence[Case]) -> Case:
    return {"kind": "terraform_plan", "artefact": _plan_of(1_000_000)}


def _ids(answer: Mapping[str, Any]) -> set[str]:
    return {signal["id"] for signal in answer["signals"]}


def _changes(case: Case) -> Iterator[tuple[str, list[str]]]:
    listed = case["artefact"].get("resource_changes")
    for entry in listed if isinstance(listed, list) else ():
        yield entry.get("type", ""), entry["change"]["actions"]


def _loses(case: Case) -> Iterator[bool]:
    return ("delete" in actions and holds_data(kind) for kind, actions in _changes(case))


def _only_creates(case: Case) -> bool:
    if not isinstance(case["artefact"].get("resource_changes", []), list):
        return False
    return all(actions in (["create"], ["no-op"], ["read"]) for _, actions in _changes(case))


def _plan_of(size: int) -> str:
    kinds = ("aws_instance", "aws_s3_bucket", "aws_db_instance", "aws_security_group")
    entries: list[Mapping[str, Any]] = []
    characters = 0
    while characters < size:
        number = len(entries)
        entry = _created(kinds[number % len(kinds)], number)
        entries.append(entry)
        characters += len(json.dumps(entry))
    return json.dumps({"format_version": "1.2", "resource_changes": entries})


def _created(kind: str, number: int) -> Mapping[str, Any]:
    rule = {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"]}
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": f"arn:aws:s3:::b{number}",
    }
    after = {
        "name": f"thing-{number}",
        "tags": {"Environment": "production", "Owner": "team", "Cost": str(number)},
        "ingress": [rule] * 4,
        "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement] * 3}),
        "settings": [{"name": f"option-{at}", "value": f"value {at}"} for at in range(20)],
        "user_data": "#!/bin/sh\necho started\n" * 4,
    }
    return {
        "address": f"module.fleet.{kind}.this[{number}]",
        "mode": "managed",
        "type": kind,
        "name": "this",
        "index": number,
        "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": {}},
    }
