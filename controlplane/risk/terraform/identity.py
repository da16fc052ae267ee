"""Permissions that a change widens, in AWS, Google Cloud, Azure and Kubernetes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.risk.shapes import text_of
from controlplane.risk.signals import Signal, worst
from controlplane.risk.terraform.planned import PlannedChange
from controlplane.risk.terraform.policies import Grant, grants

_DOCUMENTS = (
    "policy", "assume_role_policy", "access_policies", "access_policy", "key_policy",
    "resource_policy", "policy_document", "repository_policy", "policy_text",
)  # fmt: skip
# Attached to a resource, `"*"` in `Resource` means that resource alone.
_OF_A_RESOURCE = re.compile(
    r"\w+_(?:bucket|queue|topic|key|repository|domain|vault|secret|registry|endpoint)(?:_policy)?"
)
_PUBLIC_CHECKS = {
    "aws_s3_bucket": "checkov:CKV_AWS_70",
    "aws_s3_bucket_policy": "checkov:CKV_AWS_70",
    "aws_kms_key": "checkov:CKV_AWS_33",
    "aws_ecr_repository_policy": "checkov:CKV_AWS_32",
    "aws_sqs_queue": "checkov:CKV_AWS_168",
    "aws_sqs_queue_policy": "checkov:CKV_AWS_168",
    "aws_sns_topic_policy": "checkov:CKV_AWS_169",
    "aws_glacier_vault": "checkov:CKV_AWS_167",
    "aws_lambda_permission": "checkov:CKV_AWS_301",
    "google_storage_bucket_iam_member": "checkov:CKV_GCP_28 tfsec:google-storage-no-public-access",
    "google_storage_bucket_iam_binding": "checkov:CKV_GCP_28 tfsec:google-storage-no-public-access",
    "google_pubsub_topic_iam_member": "checkov:CKV_GCP_99",
    "google_cloud_run_service_iam_member": "checkov:CKV_GCP_102",
    "google_kms_crypto_key_iam_member": "checkov:CKV_GCP_112",
}
_ADMIN_ARN = re.compile(
    r"arn:aws[\w-]*:iam::aws:policy/(?:AdministratorAccess|IAMFullAccess|PowerUserAccess)"
)
_EVERYBODY = frozenset({"allusers", "allauthenticatedusers"})
_GCP_WIDE = re.compile(r"roles/(?:owner|editor|\w+\.(?:admin|\w*Admin))")
_GCP_TAKEN = re.compile(r"roles/iam\.(?:serviceAccountTokenCreator|serviceAccountUser)")
_AZURE_WIDE = {
    "owner": "high", "user access administrator": "high",
    "role based access control administrator": "high", "contributor": "medium",
}  # fmt: skip


def widened(change: PlannedChange) -> Iterator[Signal]:
    if not change.new:
        return
    new = dict.fromkeys(_grants(change.type, change.after))
    for grant in _grants(change.type, change.before):
        new.pop(grant, None)
    by_name: dict[str, list[Grant]] = {}
    for grant in new:
        by_name.setdefault(grant.signal, []).append(grant)
    for name, found in by_name.items():
        yield _signal(change, name, found)


def _signal(change: PlannedChange, name: str, found: list[Grant]) -> Signal:
    aliases = [alias for grant in found for alias in grant.aliases]
    if name == "iam_public":
        aliases += _PUBLIC_CHECKS.get(change.type, "").split()
    return change.told(
        Signal(
            id=name,
            severity=worst(grant.severity for grant in found),
            summary="it grants " + "; ".join(dict.fromkeys(grant.what for grant in found[:3])),
            where="",
            why="Whoever holds it, or steals it, can do that much; nothing in a roll-out shows it.",
            remedy=(
                "Name the actions, the resources and the principals that are needed, or bind "
                "it with a "
                "condition."
            ),
            aliases=tuple(dict.fromkeys(aliases)),
        )
    )


def _grants(resource_type: str, resource: Mapping[str, Any]) -> Iterator[Grant]:
    yield from _of_documents(resource_type, resource)
    if resource_type.startswith("aws_"):
        yield from _of_arns(resource)
        if resource_type == "aws_lambda_permission" and resource.get("principal") == "*":
            yield Grant("iam_public", "high", "anybody may invoke it")
    elif resource_type.startswith("google_") and "_iam_" in resource_type:
        yield from _google(resource_type, resource)
    elif resource_type.startswith("azurerm_role_"):
        yield from _azure(resource)
    elif resource_type.startswith("kubernetes_"):
        yield from _kubernetes(resource)


def _of_documents(resource_type: str, resource: Mapping[str, Any]) -> Iterator[Grant]:
    attached = _OF_A_RESOURCE.fullmatch(resource_type[:120]) is not None
    documents = [resource.get(name) for name in _DOCUMENTS]
    inline = resource.get("inline_policy")
    documents += (
        [one.get("policy") for one in inline[:50] if isinstance(one, Mapping)]
        if isinstance(inline, list)
        else []
    )
    for document in documents:
        for grant in grants(document):
            if not attached or grant.signal == "iam_public":
                yield grant


def _of_arns(resource: Mapping[str, Any]) -> Iterator[Grant]:
    arns = resource.get("managed_policy_arns")
    named = [resource.get("policy_arn"), *(arns[:50] if isinstance(arns, list) else ())]
    for arn in named:
        if isinstance(arn, str) and _ADMIN_ARN.fullmatch(arn[:200]):
            what = f"`{arn.rpartition('/')[2]}`"
            yield Grant("iam_admin", "high", what, ("checkov:CKV_AWS_274",))


def _google(resource_type: str, resource: Mapping[str, Any]) -> Iterator[Grant]:
    role, members = text_of(resource.get("role"))[:200], resource.get("members")
    listed = members[:500] if isinstance(members, list) else []
    for member in [resource.get("member"), *listed]:
        if text_of(member).lower() in _EVERYBODY:
            yield Grant("iam_public", "high", f"`{role}` to everybody")
    whole = re.match(r"google_(?:project|folder|organization)_iam", resource_type) is not None
    if whole and role in ("roles/owner", "roles/editor"):
        yield Grant("iam_admin", "high", f"`{role}`", ("checkov:CKV_GCP_49", "checkov:CKV_GCP_117"))
    elif whole and _GCP_TAKEN.fullmatch(role):
        yield Grant("iam_escalation", "medium", f"`{role}` on all of it", ("checkov:CKV_GCP_41",))
    elif whole and _GCP_WIDE.fullmatch(role):
        yield Grant("iam_wildcard", "medium", f"`{role}` on all of it", ("checkov:CKV_GCP_42",))


def _azure(resource: Mapping[str, Any]) -> Iterator[Grant]:
    role = text_of(resource.get("role_definition_name"))
    severity = _AZURE_WIDE.get(role.lower())
    if severity == "high":
        yield Grant("iam_admin", "high", f"`{role}`")
    elif severity == "medium":
        yield Grant("iam_wildcard", "medium", f"`{role}`")
    permissions = resource.get("permissions")
    for one in permissions[:50] if isinstance(permissions, list) else ():
        actions = one.get("actions") if isinstance(one, Mapping) else None
        if isinstance(actions, list) and "*" in actions:
            yield Grant(
                "iam_admin",
                "high",
                "every action",
                ("checkov:CKV_AZURE_39", "tfsec:azure-authorization-limit-role-actions"),
            )


def _kubernetes(resource: Mapping[str, Any]) -> Iterator[Grant]:
    references = resource.get("role_ref")
    for one in references[:5] if isinstance(references, list) else ():
        if isinstance(one, Mapping) and one.get("name") == "cluster-admin":
            yield Grant(
                "iam_admin",
                "high",
                "`cluster-admin`",
                ("polaris:clusterrolebindingClusterAdmin",),
            )
