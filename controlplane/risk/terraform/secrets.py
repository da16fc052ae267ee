"""Secrets in plain sight. Their values are never repeated."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from controlplane.risk import names
from controlplane.risk.edits import Edit
from controlplane.risk.shapes import is_path, is_template, is_url
from controlplane.risk.signals import Severity, Signal
from controlplane.risk.terraform.planned import PlannedChange, attribute_names

MOST_BLOCKS = 20_000
MOST_OUTPUTS = 2_000

_REFERENCE = re.compile(
    r"arn:|projects/|/subscriptions/|vault:|ssm:|secretsmanager:|op://|@Microsoft\.KeyVault",
    re.IGNORECASE,
)
_REDACTED = re.compile(
    r"\W*|(?i:redacted|sensitive|masked|hidden|x+|.*(?:changeme|placeholder|mock|fake|dummy).*)"
)
_CHECKS = {
    "aws_lambda_function": "checkov:CKV_AWS_45",
    "aws_instance": "checkov:CKV_AWS_46 tfsec:aws-ec2-no-secrets-in-user-data",
    "aws_launch_template": "checkov:CKV_AWS_46",
    "aws_launch_configuration": "checkov:CKV_AWS_46",
}
_GENERAL = "tfsec:general-secrets-no-plaintext-exposure"
_WHY = "Whoever reads the plan, its log or the state has it; it cannot be taken back, only changed."
_REMEDY = (
    "Change the secret. Read it where it is used from a secret store, or pass it by an ephemeral "
    "or write-only attribute."
)


def in_resource(change: PlannedChange) -> Iterator[Signal]:
    found = [(severity, edit) for edit in change.edits if (severity := _exposed(change, edit))]
    if not found:
        return
    severity, first = next((one for one in found if one[0] == "high"), found[0])
    attributes = ", ".join(f"`{edit.key[:80]}`" for _, edit in found[:3])
    yield change.told(
        Signal(
            id="secret_in_plain_sight",
            severity=severity,
            summary=f"a secret stands readable in {attributes}",
            where=first.pointer,
            why=_WHY,
            remedy=_REMEDY,
            aliases=(*_CHECKS.get(change.type, "").split(), _GENERAL),
        )
    )


def _exposed(change: PlannedChange, edit: Edit) -> Severity | None:
    """What was exposed already, or what the provider marks as sensitive, is not new."""
    if edit.removed or not isinstance(edit.new, str | list) or change.is_sensitive(edit.pointer):
        return None
    if names.holds_secret(edit.new):
        return None if names.holds_secret(edit.old) else "high"
    if not edit.added and looks_secret(edit.pointer, edit.old):
        return None
    return "medium" if looks_secret(edit.pointer, edit.new) else None


def looks_secret(pointer: str, value: object) -> bool:
    """By its name, and because it reads like no word, path, or reference."""
    if not isinstance(value, str) or not 6 <= len(value) <= 4096:
        return False
    if not names.is_secret(attribute_names(pointer)[0]):
        return False
    if _REFERENCE.match(value) or _REDACTED.fullmatch(value):
        return False
    if is_template(value) or is_path(value) or is_url(value):
        return False
    return not value.isalpha() or not (value.islower() or value.isupper())


def in_outputs(document: Mapping[str, Any]) -> Iterator[Signal]:
    outputs = document.get("output_changes")
    for name, change in list(outputs.items())[:MOST_OUTPUTS] if _is_map(outputs) else ():
        if not _is_map(change) or change.get("after_sensitive") or not isinstance(name, str):
            continue
        new = change.get("after")
        if not isinstance(new, str) or new == change.get("before"):
            continue
        if names.holds_secret(new) or looks_secret(f"/{name}", new):
            yield _of_code(
                "secret_in_output",
                "medium",
                f"the output `{name[:80]}` shows a secret",
                f"/output_changes/{name[:80]}",
                _GENERAL,
            )


def in_configuration(
    document: Mapping[str, Any], changes: Sequence[PlannedChange]
) -> Iterator[Signal]:
    """Written as a constant in the code, even where the provider hides it from the plan's text."""
    configuration = document.get("configuration")
    if not _is_map(configuration):
        return
    yield from _in_providers(configuration.get("provider_config"))
    changed = {
        _without_keys(change.address): change
        for change in changes
        if change.action in ("create", "update", "replace")
    }
    for address, expressions in _resources(configuration.get("root_module")):
        change = changed.get(address)
        if change is not None:
            yield from _constants(change, expressions)


def _in_providers(providers: Any) -> Iterator[Signal]:
    for name, provider in list(providers.items())[:200] if _is_map(providers) else ():
        constants = _constant_values(provider.get("expressions") if _is_map(provider) else None)
        written = [attribute for attribute, value in constants if _is_login(attribute, value)]
        if written:
            place = f"/configuration/provider_config/{str(name)[:80]}/expressions"
            yield _of_code(
                "secret_in_code",
                "medium",
                f"`{written[0][:80]}` of the provider `{str(name)[:80]}` is written in the code",
                f"{place}/{written[0][:80]}",
                f"checkov:CKV_AWS_41 {_GENERAL}" if "aws" in str(name) else _GENERAL,
            )


def _is_login(attribute: str, value: str) -> bool:
    """Of `access_key` and `secret_key` only the second is a secret."""
    return attribute != "access_key" and looks_secret(f"/{attribute}", value)


def _constants(change: PlannedChange, expressions: Any) -> Iterator[Signal]:
    """Only where this change sets it; what the plan's text shows has been found already."""
    for attribute, value in _constant_values(expressions):
        pointer = f"/{attribute}"
        set_now = change.old.get(pointer) != change.new.get(pointer)
        if set_now and looks_secret(pointer, value) and change.is_sensitive(pointer):
            yield change.told(
                Signal(
                    id="secret_in_code",
                    severity="high",
                    summary=f"`{attribute[:80]}` is written in the code",
                    where=pointer,
                    why=_WHY,
                    remedy=_REMEDY,
                    aliases=(_GENERAL,),
                )
            )


def _constant_values(expressions: Any) -> Iterator[tuple[str, str]]:
    for attribute, expression in list(expressions.items())[:500] if _is_map(expressions) else ():
        value = expression.get("constant_value") if _is_map(expression) else None
        if isinstance(value, str) and isinstance(attribute, str):
            yield attribute, value


def _resources(module: Any) -> Iterator[tuple[str, Any]]:
    """Breadth first, however deep the modules are nested."""
    todo: list[tuple[str, Any]] = [("", module)]
    seen = 0
    while todo and seen < MOST_BLOCKS:
        prefix, current = todo.pop(0)
        if not _is_map(current):
            continue
        resources, calls = current.get("resources"), current.get("module_calls")
        for resource in resources if isinstance(resources, list) else ():
            seen += 1
            if _is_map(resource) and isinstance(resource.get("address"), str):
                yield f"{prefix}{resource['address']}", resource.get("expressions")
        for name, call in calls.items() if _is_map(calls) else ():
            seen += 1
            todo.append((f"{prefix}module.{name}.", call.get("module") if _is_map(call) else None))


def _without_keys(address: str) -> str:
    return re.sub(r"\[[^\]]{0,200}\]", "", address)


def _is_map(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _of_code(signal: str, severity: Severity, summary: str, where: str, aliases: str) -> Signal:
    return Signal(signal, severity, summary, where, _WHY, _REMEDY, tuple(aliases.split()))
