"""Proposals of `discover` as YAML documents of the apply format, checked, and as files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from attribution.discovery.propose import Proposal
from attribution.discovery.sensitivity import Plan
from attribution.errors import CaseError
from attribution.guardrails import check_matchers, parse_guardrail, parse_telemetry
from controlplane.discovery_table import lines_of
from controlplane.registered import executor_problems

SUFFIX = ".yaml"
_NOT_IN_A_FILE_NAME = re.compile(r"[^a-z0-9._-]+")


class OthersFileError(Exception):
    """Something else is there by the name of a file that would be written."""


def documents(proposal: Proposal, server: str) -> list[dict[str, Any]]:
    """The service, then its guardrails. Raises CaseError where the API would refuse one."""
    service = proposal.service(server)
    found = [_document("Service", service)]
    for guardrail in proposal.guardrails():
        body = {key: value for key, value in guardrail.items() if key != "service"}
        parse_guardrail(body, f"/{proposal.name}/{guardrail['name']}")
        found.append(_document("Guardrail", guardrail))
    _check_service(service, f"/{proposal.name}")
    return found


def _document(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A guardrail's own `kind` cannot stand beside the document's: it is `metric_kind` there."""
    rest = {("metric_kind" if key == "kind" else key): value for key, value in body.items()}
    return {"kind": kind, "name": rest.pop("name"), **rest}


def _check_service(service: Mapping[str, Any], at: str) -> None:
    """All but the source: its server may be one that the operator's file does not have yet."""
    for side, matchers in service.get("cohorts", {}).items():
        check_matchers(matchers, f"{at}/cohorts/{side}")
    for index, entry in enumerate(service.get("telemetry", ())):
        parse_telemetry(entry, f"{at}/telemetry/{index}")
    if executor := service.get("executor"):
        problems = executor_problems(executor["name"], executor["config"], f"{at}/executor")
        if problems:
            raise CaseError("bad executor", "; ".join(problems), f"{at}/executor/config")


def yaml_of(proposal: Proposal, server: str, plan: Plan) -> str:
    """With what each shows now as comments above."""
    head = "".join(f"# {line}".rstrip() + "\n" for line in lines_of(proposal, plan))
    parts = [
        yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=1_000)
        for one in documents(proposal, server)
    ]
    return head + "---\n".join(parts)


def files(texts: Mapping[str, str]) -> dict[str, str]:
    """Name of the service -> text, as name of the file -> text."""
    found: dict[str, str] = {}
    for name, text in texts.items():
        plain = _NOT_IN_A_FILE_NAME.sub("-", name.lower()).strip("-.")[:100] or "service"
        found[_free(plain, found)] = text
    return found


def _free(plain: str, taken: Mapping[str, str]) -> str:
    names = (f"{plain}{number}{SUFFIX}" for number in ("", *(f"-{n}" for n in range(2, 10_000))))
    return next(name for name in names if name not in taken)


def write(folder: Path, texts: Mapping[str, str], *, force: bool) -> int:
    """All or, where another file has one of the names, none: OthersFileError, unless `force`.
    Answers how many were written; one that is so already is left.
    """
    changed = {name: text for name, text in texts.items() if _content(folder / name) != text}
    others = sorted(name for name in changed if (folder / name).exists())
    if others and not force:
        raise OthersFileError(f"{_some(others)} in {folder}: nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in changed.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(changed)


def _content(path: Path) -> str | None:
    """None: there is no such text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def stream(texts: Mapping[str, str]) -> Iterator[str]:
    """All as one stream of YAML documents."""
    for text in texts.values():
        yield "---\n" + text
