"""Who is let in: everybody, or everybody but a few; and what an Allow leaves out."""

from collections.abc import Iterator, Sequence

from controlplane.risk.iam.findings import ALL, Finding, check, shown
from controlplane.risk.iam.policy import Policy, Rule, Statement, principals, texts

PUBLIC = check(
    "public_principal", "high",
    "Anybody in the world may do this.",
    "Name accounts or roles, or bind it by aws:PrincipalOrgID, aws:SourceArn or the like.",
    "checkov:CKV_AWS_70",
)  # fmt: skip
NOT_PRINCIPAL = check(
    "not_principal", "high",
    "Everybody but those named is let in, without a login too.",
    "Name who may under Principal.",
    "parliament:NOTPRINCIPAL_WITH_ALLOW",
)  # fmt: skip
NOT_RESOURCE = check(
    "not_resource", "high",
    "Every resource but those named, those that are made later as well.",
    "Name the resources under Resource.",
    "parliament:NOTRESOURCE_WITH_ALLOW",
)  # fmt: skip
NOT_ACTION = check(
    "not_action", "high",
    "Every action but those named, those that AWS adds later as well.",
    "Name the actions under Action.",
)  # fmt: skip

# Conditions that let in only those whom the owner knows.
_BINDING = frozenset(
    "aws:" + name
    for name in (
        "principalorgid", "principalorgpaths", "principalaccount", "principalarn", "sourcearn",
        "sourceaccount", "sourceorgid", "sourceorgpaths", "sourcevpc", "sourcevpce", "sourceip",
        "vpcsourceip", "userid", "resourceorgid", "calledvia",
    )
)  # fmt: skip
_BINDING_ENDINGS = (":sub", ":aud", ":amr", "calleraccount", "viaservice", "dataaccesspointaccount")


def principal(policy: Policy) -> Iterator[Finding]:
    for one in policy.allowing():
        everybody = any(name == "*" for _, name in principals(one.body.get("Principal")))
        if everybody and not bound(one):
            named = one.actions or ("everything but what is named",)
            what = f"Everybody may use {shown(named)}"
            items = frozenset(name.lower() for name in named)
            yield Finding(PUBLIC, what, (*one.path, "Principal"), items)


def bound(one: Statement) -> bool:
    """A negated operator lets in all but one."""
    for operator, block in one.condition.items():
        if "not" in str(operator).lower() or not isinstance(block, dict):
            continue
        for key, value in block.items():
            lowered = str(key).lower()
            known = lowered in _BINDING or lowered.endswith(_BINDING_ENDINGS)
            if known and not {"*", "0.0.0.0/0", "::/0"} & set(texts(value)):
                return True
    return False


def negations(policy: Policy) -> Iterator[Finding]:
    for one in policy.allowing():
        for field, test in (
            ("NotPrincipal", NOT_PRINCIPAL),
            ("NotResource", NOT_RESOURCE),
            ("NotAction", NOT_ACTION),
        ):
            if field in one.body:
                what = f"{field} is used with Allow"
                yield Finding(test, what, (*one.path, field), ALL)


RULES: Sequence[Rule] = (principal, negations)
