"""What a policy document of AWS allows too widely, as a set that can be compared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.risk.names import vocabulary
from controlplane.risk.signals import Severity

MOST_STATEMENTS = 500
LONGEST_POLICY = 200_000
# Services whose full control is a step from controlling everything.
_KEYS_OF_THE_HOUSE = frozenset({"iam", "sts", "organizations", "kms", "sso", "account"})
# Each lets its holder take another identity or widen its own.
_ESCALATING = vocabulary(
    "iam:passrole iam:createaccesskey iam:createloginprofile iam:updateloginprofile "
    "iam:attachuserpolicy iam:attachrolepolicy iam:attachgrouppolicy iam:putuserpolicy "
    "iam:putrolepolicy iam:putgrouppolicy iam:addusertogroup iam:createpolicyversion "
    "iam:setdefaultpolicyversion iam:updateassumerolepolicy sts:assumerole "
    "lambda:updatefunctioncode"
)
_READING = ("get", "list", "describe", "head", "batchget", "view", "lookup", "search")


@dataclass(frozen=True, slots=True)
class Grant:
    """Too wide a grant; equal ones are the same before and after."""

    signal: str
    severity: Severity
    what: str
    aliases: tuple[str, ...] = ()


def grants(policy: Any) -> Iterator[Grant]:
    """Of a policy document, as text or as an object."""
    try:
        document = _document(policy)
    except (ValueError, RecursionError):
        yield Grant("iam_unreadable", "medium", "what a policy says that cannot be read")
        return
    statements = document.get("Statement", document.get("statement"))
    for statement in _list(statements)[:MOST_STATEMENTS]:
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield from _too_wide(statement)


def _document(policy: Any) -> Mapping[str, Any]:
    """Raises ValueError, RecursionError. A text that is no object is no policy document."""
    if isinstance(policy, str) and policy[:200].lstrip().startswith("{"):
        if len(policy) > LONGEST_POLICY:
            raise ValueError("longer than any cloud accepts")
        policy = json.loads(policy)
    return policy if isinstance(policy, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: Any) -> list[str]:
    return [one for one in _list(value)[:MOST_STATEMENTS] if isinstance(one, str)]


def _too_wide(statement: Mapping[str, Any]) -> Iterator[Grant]:
    conditional = bool(statement.get("Condition"))
    actions = [action.lower() for action in _texts(statement.get("Action"))]
    if "Principal" in statement or "NotPrincipal" in statement:
        if not conditional and _anybody(statement):
            yield _for_everybody(actions)
        return
    if "NotAction" in statement and _everywhere(statement):
        yield Grant("iam_admin", "high", "everything except what `NotAction` names", _ADMIN)
    if _everywhere(statement):
        yield from _of_actions(actions)


_ADMIN = ("checkov:CKV_AWS_62", "checkov:CKV_AWS_63", "tfsec:aws-iam-no-policy-wildcards")


def _anybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return any("*" in _texts(named) for named in principal.values())
    return "*" in _texts(principal) or "NotPrincipal" in statement


def _for_everybody(actions: list[str]) -> Grant:
    if any(action.startswith("sts:assumerole") for action in actions):
        return Grant("iam_public", "high", "anybody may take the role on", ("checkov:CKV_AWS_60",))
    return Grant("iam_public", "high", f"anybody may do {', '.join(actions[:3]) or 'everything'}")


def _everywhere(statement: Mapping[str, Any]) -> bool:
    return "*" in _texts(statement.get("Resource")) or "NotResource" in statement


def _of_actions(actions: list[str]) -> Iterator[Grant]:
    for action in actions:
        service, _, verb = action.partition(":")
        if service == "*":
            yield Grant("iam_admin", "high", "everything on everything", _ADMIN)
        elif verb == "*" and service in _KEYS_OF_THE_HOUSE:
            yield Grant(
                "iam_escalation",
                "high",
                f"`{action[:60]}` on everything, and so any identity",
                ("checkov:CKV_AWS_286", "tfsec:aws-iam-no-policy-wildcards"),
            )
        elif action in _ESCALATING:
            yield Grant(
                "iam_escalation",
                "medium",
                f"`{action[:60]}` on everything: a way to other identities",
                ("checkov:CKV_AWS_286",),
            )
        elif verb == "*" or (verb.endswith("*") and not verb.startswith(_READING)):
            yield Grant(
                "iam_wildcard",
                "medium",
                f"`{action[:60]}` on everything",
                ("checkov:CKV_AWS_290", "tfsec:aws-iam-no-policy-wildcards"),
            )
