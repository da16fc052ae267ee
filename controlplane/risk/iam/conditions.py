"""Conditions: operators, keys and values that do not fit each other, and such as hold nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controlplane.risk.iam.actions import Action
from controlplane.risk.iam.findings import Finding, check
from controlplane.risk.iam.policy import Policy, Rule, Statement, listed

OPERATOR = check(
    "unknown_condition_operator", "high",
    "AWS refuses it, or the condition does not hold what it was meant to hold.",
    "Use one of the operators of its type, such as StringEquals or IpAddress.",
    "parliament:UNKNOWN_OPERATOR parliament:MISMATCHED_TYPE",
)  # fmt: skip
TYPE = check(
    "condition_type_mismatch", "medium",
    "The comparison is never true: an Allow allows nothing, a Deny denies nothing.",
    "Use the operator and the form of value of the key's type.",
    "parliament:MISMATCHED_TYPE",
)  # fmt: skip
USABLE = check(
    "condition_arn_as_string", "low",
    "It works, but wildcards in the ARN are not read part by part.",
    "Use ArnEquals or ArnLike.",
    "parliament:MISMATCHED_TYPE_BUT_USABLE",
)  # fmt: skip
BOOLEAN = check(
    "condition_not_boolean", "medium",
    "Bool and Null compare with true or false only: the comparison is never true.",
    "Write true or false.",
    "parliament:MISMATCHED_TYPE_OPERATION_TO_NULL",
)  # fmt: skip
UNKNOWN_KEY = check(
    "unknown_condition_for_action", "medium",
    "The action does not send this key: with Allow nothing is allowed, with Deny or a negated "
    "operator the condition holds nothing back.",
    "Look up which keys the action takes in the Service Authorization Reference.",
    "parliament:UNKNOWN_CONDITION_FOR_ACTION",
)  # fmt: skip
MFA = check(
    "mfa_condition_ineffective", "high",
    "Requests with long-lived keys carry no such key at all, and pass by.",
    "Deny with BoolIfExists aws:MultiFactorAuthPresent false.",
    "parliament:BAD_PATTERN_FOR_MFA",
)  # fmt: skip
SET = check(
    "set_operator_on_single_value", "medium",
    "ForAllValues is true when the key is missing: everybody without it passes.",
    "Use the plain operator on keys that have one value.",
    "parliament:SINGLE_VALUE_CONDITION_TOO_PERMISSIVE",
)  # fmt: skip

OPERATORS = {
    "S": "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase "
    "StringLike StringNotLike",
    "N": "NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals "
    "NumericGreaterThan NumericGreaterThanEquals",
    "D": "DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan "
    "DateGreaterThanEquals",
    "B": "Bool",
    "0": "Null",
    "X": "BinaryEquals",
    "I": "IpAddress NotIpAddress",
    "A": "ArnEquals ArnLike ArnNotEquals ArnNotLike",
}
_TYPE_OF = {name.lower(): kind for kind, names in OPERATORS.items() for name in names.split()}
_GLOBAL = {
    "S": "CalledVia CalledViaFirst CalledViaLast FederatedProvider PrincipalAccount "
    "PrincipalOrgID PrincipalOrgPaths PrincipalServiceName PrincipalServiceNamesList PrincipalTag/ "
    "PrincipalType Referer RequestedRegion RequestTag/ ResourceAccount ResourceOrgID "
    "ResourceOrgPaths ResourceTag/ SourceAccount SourceIdentity SourceOrgID SourceOrgPaths "
    "SourceVpc SourceVpce TagKeys UserAgent userid username Ec2InstanceSourceVpc VpceAccount "
    "VpceOrgID VpceOrgPaths",
    "B": "MultiFactorAuthPresent PrincipalIsAWSService SecureTransport ViaAWSService AssumedRoot "
    "IsMcpServiceAction",
    "N": "MultiFactorAuthAge",
    "D": "CurrentTime EpochTime TokenIssueTime",
    "I": "SourceIp VpcSourceIp Ec2InstanceSourcePrivateIPv4",
    "A": "PrincipalArn SourceArn SourceVpcArn SignInSessionArn",
}
_GLOBAL_TYPE = {f"aws:{name.lower()}": kind for kind, names in _GLOBAL.items()
                for name in names.split()}  # fmt: skip
_MANY = frozenset(
    ("aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist",
     "aws:resourceorgpaths", "aws:sourceorgpaths", "aws:tagkeys", "aws:vpceorgpaths")
)  # fmt: skip
_TYPE_NAMES = {"S": "String", "N": "Numeric", "D": "Date", "B": "Bool", "I": "IpAddress",
               "A": "Arn", "X": "Binary", "0": "Null"}  # fmt: skip
_VALUES = {
    "A": re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.*|\*", re.DOTALL),
    "B": re.compile(r"true|false", re.IGNORECASE),
    "D": re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?|\d{9,13}"),
    "I": re.compile(r"\d{1,3}(\.\d{1,3}){3}(/\d{1,3})?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(/\d{1,3})?"),
    "N": re.compile(r"-?\d{1,20}(\.\d{1,10})?"),
}
_VARIABLE = re.compile(r"\$\{.*\}", re.DOTALL)


def conditions(policy: Policy) -> Iterator[Finding]:
    for one in policy.statements:
        for operator, block in one.condition.items():
            path = (*one.path, "Condition", operator)
            kind = operator_type(str(operator))
            if kind is None:
                what = f"The operator {str(operator)[:40]} is not known"
                yield Finding(OPERATOR, what, path, frozenset((str(operator),)))
            for key, value in block.items() if isinstance(block, Mapping) else ():
                yield from _condition(one, str(operator), kind, str(key), listed(value), path)


def operator_type(operator: str) -> str | None:
    plain = operator.lower().removesuffix("ifexists")
    for prefix in ("forallvalues:", "foranyvalue:"):
        plain = plain.removeprefix(prefix)
    return _TYPE_OF.get(plain)


def global_type(key: str) -> str | None:
    head, slash, _ = key.lower().partition("/")
    return _GLOBAL_TYPE.get(head + slash)


def _condition(
    one: Statement, operator: str, kind: str | None, key: str, values: Sequence[Any], path: Any
) -> Iterator[Finding]:
    item, where = frozenset((f"{operator} {key}",)), (*path, key)
    if kind in ("B", "0") and not all(_fits("B", value) for value in values):
        yield Finding(BOOLEAN, f"{operator} {key} is compared with no boolean", where, item)
        return
    yield from _mfa(one, operator, key, values, where)
    if operator.lower().startswith("for") and _single(key):
        yield Finding(SET, f"{operator} is used on {key}, which has one value", where, item)
    if kind == "0":
        return
    wanted = global_type(key)
    if wanted is None and one.expanded:
        wanted, strange = _service_type(key, one.expanded)
        if strange:
            what = f"{key[:60]} is no condition of {strange[0].full}"
            more = f" and {len(strange) - 1} more actions" if len(strange) > 1 else ""
            yield Finding(UNKNOWN_KEY, what + more, where, item)
    if wanted is not None and kind is not None:
        yield from _types(wanted, kind, key, values, where)


def _service_type(key: str, actions: Sequence[Action]) -> tuple[str | None, list[Action]]:
    """The key's type with the actions that take it, and the actions that do not."""
    shared = {action.keys for action in actions}
    types = {keys: keys.type_of(key) for keys in shared}
    strange = [action for action in actions if types[action.keys] is None]
    return next((kind for kind in types.values() if kind), None), strange


def _types(wanted: str, kind: str, key: str, values: Sequence[Any], path: Any) -> Iterator[Finding]:
    item, name = frozenset((key,)), _TYPE_NAMES[wanted]
    as_text = wanted == "A" and kind == "S"
    if as_text:
        yield Finding(USABLE, f"{key} is an ARN, compared as text", path, item)
    if wanted != kind and not as_text and not (key.lower() == "aws:epochtime" and kind == "N"):
        what = f"{key} is of type {name}, its operator of type {_TYPE_NAMES[kind]}"
        yield Finding(TYPE, what, path, item)
    elif not all(_fits(wanted, value) for value in values):
        yield Finding(TYPE, f"{key} is of type {name}, its value is not", path, item)


def _fits(kind: str, value: Any) -> bool:
    shape = _VALUES.get(kind)
    word = str(value).lower() if isinstance(value, bool) else str(value)
    return (
        shape is None or shape.fullmatch(word) is not None or _VARIABLE.search(word) is not None
        or (kind in "AS" and "*" in word)
    )  # fmt: skip


def _mfa(
    one: Statement, operator: str, key: str, values: Sequence[Any], path: Any
) -> Iterator[Finding]:
    """`false` with Bool misses requests that do not carry the key; so does Null in an Allow."""
    if key.lower() != "aws:multifactorauthpresent":
        return
    false = any(str(value).lower() == "false" for value in values)
    if false and operator.lower() in ("bool", "null"):
        what = f"{operator} {key} false does not ask for a second factor"
        yield Finding(MFA, what, path, frozenset((f"{operator} {one.sid}",)))


def _single(key: str) -> bool:
    return global_type(key) is not None and key.lower() not in _MANY


RULES: Sequence[Rule] = (conditions,)
