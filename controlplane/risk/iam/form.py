"""What AWS refuses, or reads otherwise than its writer meant: elements, names, principals, ARNs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from controlplane.risk.iam.actions import everything, expand, known
from controlplane.risk.iam.arns import flaw
from controlplane.risk.iam.findings import Finding, check
from controlplane.risk.iam.policy import Policy, Rule, Statement, listed, principals

MALFORMED = check(
    "malformed_policy", "high",
    "AWS refuses the policy: the change fails, half of the way perhaps.",
    "A statement has an Effect, one of Action and NotAction, and one of Resource and NotResource.",
    "parliament:MALFORMED",
)  # fmt: skip
DUPLICATE_SID = check(
    "duplicate_sid", "medium",
    "AWS refuses a policy in which two statements have the same Sid.",
    "Give each statement a Sid of its own.",
    "parliament:DUPLICATE_SID",
)  # fmt: skip
INVALID_SID = check(
    "invalid_sid", "medium",
    "AWS refuses it: a Sid has only letters and digits.",
    "Write it in letters and digits.",
    "parliament:INVALID_SID",
)  # fmt: skip
NO_VERSION = check(
    "policy_version_missing", "low",
    "Without one it is read as 2008-10-17: variables such as ${aws:username} are plain text.",
    'Write "Version": "2012-10-17".',
    "parliament:NO_VERSION",
)  # fmt: skip
OLD_VERSION = check(
    "policy_version_old", "low",
    "Variables such as ${aws:username} are plain text in it.",
    'Write "Version": "2012-10-17".',
    "parliament:OLD_VERSION",
)  # fmt: skip
INVALID_VERSION = check(
    "policy_version_invalid", "high",
    "AWS refuses it: the version is that of the policy language, not the policy's own.",
    'Write "Version": "2012-10-17".',
    "parliament:INVALID_VERSION",
)  # fmt: skip
UNKNOWN_ACTION = check(
    "unknown_action", "medium",
    "It allows or denies nothing; what was meant stays as it was.",
    "Look its name up in the Service Authorization Reference.",
    "parliament:UNKNOWN_ACTION",
)  # fmt: skip
UNKNOWN_SERVICE = check(
    "unknown_service", "medium",
    "It allows or denies nothing; what was meant stays as it was.",
    "Look the service's prefix up in the Service Authorization Reference.",
    "parliament:UNKNOWN_PREFIX",
)  # fmt: skip
BAD_ARN = check(
    "invalid_arn", "medium",
    "It names no resource: the statement allows or protects nothing.",
    "Write arn:partition:service:region:account:resource.",
    "parliament:INVALID_ARN",
)  # fmt: skip
UNKNOWN_PRINCIPAL = check(
    "unknown_principal", "medium",
    "AWS refuses it, or nobody is meant by it.",
    "Name an account, the ARN of a user or role, or a service.",
    "parliament:UNKNOWN_PRINCIPAL",
)  # fmt: skip
UNKNOWN_FEDERATION = check(
    "unknown_federation_source", "medium",
    "Whoever runs that provider decides who gets in.",
    "Name a SAML or OIDC provider of the account.",
    "parliament:UNKNOWN_FEDERATION_SOURCE",
)  # fmt: skip

POLICY_ELEMENTS = frozenset(("Version", "Id", "Statement"))
STATEMENT_ELEMENTS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
     "NotResource", "Condition")
)  # fmt: skip
_OPPOSITES = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_SID = re.compile(r"[0-9A-Za-z]*")
_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL = re.compile(r"arn:[-a-z*]*:(iam|sts)::(\d{12}|cloudfront|):.*", re.DOTALL)
_PROVIDER = re.compile(r"arn:[-a-z*]*:iam::\d{12}:(saml|oidc)-provider/.*", re.DOTALL)
_FEDERATIONS = frozenset(
    ("cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com",
     "accounts.google.com")
)  # fmt: skip
# Services that the table does not hold, but that policies may name.
_UNLISTED = frozenset(("iq", "aws-portal"))


def _one(test: Any, what: str, path: Any, item: str) -> Finding:
    return Finding(test, what, path, frozenset((item,)))


def elements(policy: Policy) -> Iterator[Finding]:
    for name in policy.body:
        if name not in POLICY_ELEMENTS:
            what = f"The policy has an unknown element {str(name)[:40]}"
            yield _one(MALFORMED, what, (*policy.root, name), str(name))
    statements = policy.body.get("Statement")
    broken = [one for one in listed(statements) if not isinstance(one, dict)]
    if not statements or broken:
        what = "The policy has no statement, or one that is no object"
        yield _one(MALFORMED, what, (*policy.root, "Statement"), "Statement")


def version(policy: Policy) -> Iterator[Finding]:
    found, path = policy.body.get("Version"), (*policy.root, "Version")
    if found is None:
        yield _one(NO_VERSION, "The policy names no version", policy.root, "")
    elif found == "2008-10-17":
        yield _one(OLD_VERSION, "The policy is of version 2008-10-17", path, "")
    elif found != "2012-10-17":
        yield _one(INVALID_VERSION, f"The version is {str(found)[:30]}", path, str(found))


def sids(policy: Policy) -> Iterator[Finding]:
    counted = Counter(one.sid for one in policy.statements if isinstance(one.sid, str))
    for one in policy.statements:
        if one.sid is None:
            continue
        name, path = str(one.sid)[:60], (*one.path, "Sid")
        if one.sid and isinstance(one.sid, str) and counted[one.sid] > 1:
            yield _one(DUPLICATE_SID, f"The Sid {name} is there twice", path, name)
        if not isinstance(one.sid, str) or not _SID.fullmatch(one.sid):
            yield _one(INVALID_SID, f"The Sid is `{name}`", path, name)


def statements(policy: Policy) -> Iterator[Finding]:
    for one in policy.statements:
        for what, name in _troubles(one):
            yield _one(MALFORMED, f"A statement {what}", (*one.path, name), f"{what} {one.sid}")


def _troubles(one: Statement) -> Iterator[tuple[str, str]]:
    """(what is wrong, at which element)"""
    body = one.body
    for name in body:
        if name not in STATEMENT_ELEMENTS:
            yield f"has an unknown element {str(name)[:40]}", name
    for first, second in _OPPOSITES:
        if first in body and second in body:
            yield f"has both {first} and {second}", second
    if body.get("Effect") not in ("Allow", "Deny"):
        yield "has no Effect of Allow or Deny", "Effect"
    if "Action" not in body and "NotAction" not in body:
        yield "has neither Action nor NotAction", "Action"
    if "Resource" not in body and "NotResource" not in body and not _trust(one):
        yield "has neither Resource nor NotResource", "Resource"
    if "Condition" in body and not isinstance(body["Condition"], dict):
        yield "has a Condition that is no object", "Condition"


def _trust(one: Statement) -> bool:
    """A role's trust policy has no resource: it is the role itself."""
    named = "Principal" in one.body or "NotPrincipal" in one.body
    return named and all(action.lower().startswith("sts:") for action in one.actions)


def actions(policy: Policy) -> Iterator[Finding]:
    for one in policy.statements:
        for field in ("Action", "NotAction"):
            for name in listed(one.body.get(field)):
                yield from _action(name, (*one.path, field))


def _action(name: Any, path: Any) -> Iterator[Finding]:
    if isinstance(name, str) and everything(name):
        return
    service, colon, _ = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not colon or name.count(":") > 1:
        yield _one(
            MALFORMED, f"The action `{str(name)[:60]}` is no service:action", path, str(name)
        )
    elif "*" in service or "?" in service or service.lower() in _UNLISTED:
        return
    elif not known(service):
        what = f"No service is known as {service[:40]}"
        yield _one(UNKNOWN_SERVICE, what, path, service)
    elif not expand(name):
        yield _one(UNKNOWN_ACTION, f"No action is known as {name[:80]}", path, name)


def resources(policy: Policy) -> Iterator[Finding]:
    for one in policy.statements:
        for field in ("Resource", "NotResource"):
            for arn in listed(one.body.get(field)):
                trouble = flaw(arn)
                if trouble:
                    what = f"The resource `{str(arn)[:80]}` is no ARN: {trouble}"
                    yield _one(BAD_ARN, what, (*one.path, field), str(arn)[:200])


def people(policy: Policy) -> Iterator[Finding]:
    for one in policy.statements:
        for field in ("Principal", "NotPrincipal"):
            for kind, name in principals(one.body.get(field)):
                yield from _principal(kind, name, (*one.path, field))


def _principal(kind: str, name: str, path: Any) -> Iterator[Finding]:
    shown_ = f"{kind} {name}"[:100]
    if kind == "AWS":
        if name != "*" and not _ACCOUNT.fullmatch(name) and not _PRINCIPAL.fullmatch(name):
            yield _one(UNKNOWN_PRINCIPAL, f"Nobody is known as {shown_}", path, name)
    elif kind == "Federated":
        if name not in _FEDERATIONS and not _PROVIDER.fullmatch(name):
            what = f"No federation is known as {shown_}"
            yield _one(UNKNOWN_FEDERATION, what, path, name)
    elif kind not in ("Service", "CanonicalUser"):
        yield _one(UNKNOWN_PRINCIPAL, f"Nobody is known as {shown_}", path, name)


RULES: Sequence[Rule] = (elements, version, sids, statements, actions, resources, people)
