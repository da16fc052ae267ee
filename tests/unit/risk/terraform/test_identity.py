import json

import pytest

from tests.unit.risk.terraform.plans import created, signal, signals, updated


def policy(action, resource="*", **more):
    statement = {"Effect": "Allow", "Action": action} | ({"Resource": resource} if resource else {})
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


TRUST = {"Principal": {"AWS": "*"}, "resource": None}
WIDE = [
    ("aws_iam_policy", {"policy": policy("*")}, "iam_admin", "high"),
    ("aws_iam_role_policy", {"policy": policy(["s3:GetObject", "*:*"])}, "iam_admin", "high"),
    ("aws_iam_policy", {"policy": policy("iam:*")}, "iam_escalation", "high"),
    ("aws_iam_policy", {"policy": policy(["iam:PassRole"])}, "iam_escalation", "medium"),
    ("aws_iam_policy", {"policy": policy("dynamodb:*")}, "iam_wildcard", "medium"),
    ("aws_iam_policy", {"policy": policy("ec2:Terminate*")}, "iam_wildcard", "medium"),
    ("aws_iam_role", {"inline_policy": [{"policy": policy("*")}]}, "iam_admin", "high"),
    ("aws_iam_role", {"assume_role_policy": policy("sts:AssumeRole", **TRUST)}, "iam_public",
     "high"),
    ("aws_s3_bucket_policy", {"policy": policy("s3:GetObject", Principal="*")}, "iam_public",
     "high"),
    ("aws_kms_key", {"policy": policy("kms:*", Principal={"AWS": ["*"]})}, "iam_public", "high"),
    ("aws_lambda_permission", {"principal": "*"}, "iam_public", "high"),
    ("aws_iam_role_policy_attachment",
     {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}, "iam_admin", "high"),
    ("aws_iam_role",
     {"managed_policy_arns": ["arn:aws-cn:iam::aws:policy/IAMFullAccess"]}, "iam_admin", "high"),
    ("google_project_iam_member", {"role": "roles/owner", "member": "user:a@b.c"}, "iam_admin",
     "high"),
    ("google_project_iam_binding",
     {"role": "roles/iam.serviceAccountTokenCreator", "members": ["user:a@b.c"]},
     "iam_escalation", "medium"),
    ("google_folder_iam_member", {"role": "roles/storage.admin", "member": "user:a@b.c"},
     "iam_wildcard", "medium"),
    ("google_storage_bucket_iam_member", {"role": "roles/storage.viewer", "member": "allUsers"},
     "iam_public", "high"),
    ("google_cloud_run_service_iam_binding",
     {"role": "roles/run.invoker", "members": ["allAuthenticatedUsers"]}, "iam_public", "high"),
    ("azurerm_role_assignment", {"role_definition_name": "Owner"}, "iam_admin", "high"),
    ("azurerm_role_assignment", {"role_definition_name": "Contributor"}, "iam_wildcard", "medium"),
    ("azurerm_role_definition", {"permissions": [{"actions": ["*"]}]}, "iam_admin", "high"),
    ("kubernetes_cluster_role_binding_v1", {"role_ref": [{"name": "cluster-admin"}]}, "iam_admin",
     "high"),
    ("aws_iam_policy", {"policy": '{"Statement": ['}, "iam_unreadable", "medium"),
]  # fmt: skip

NARROW = [
    ("aws_iam_policy", {"policy": policy("s3:GetObject", "arn:aws:s3:::b/*")}),
    ("aws_iam_policy", {"policy": policy(["ec2:Describe*", "s3:List*"])}),
    ("aws_iam_policy", {"policy": policy("*", "*", Effect="Deny")}),
    ("aws_s3_bucket_policy", {"policy": policy("s3:*", Principal={"AWS": "111122223333"})}),
    ("aws_s3_bucket_policy",
     {"policy": policy("s3:GetObject", Principal="*", Condition={"StringEquals": {"a": "b"}})}),
    ("aws_kms_key", {"policy": policy("kms:*", Principal={"AWS": "arn:aws:iam::1:root"})}),
    ("aws_iam_role", {"assume_role_policy": policy("sts:AssumeRole", None,
                                                   Principal={"Service": "ec2.amazonaws.com"})}),
    ("google_storage_bucket_iam_member", {"role": "roles/storage.admin", "member": "user:a@b.c"}),
    ("azurerm_role_assignment", {"role_definition_name": "Reader"}),
    ("aws_sqs_queue", {"policy": None}),
    ("aws_appautoscaling_policy", {"policy": "scale out"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "after", "name", "severity"), WIDE)
def test_plan__grants_too_much__names_it(kind, after, name, severity):
    assert signals(created(kind, after)) == {name: severity}


@pytest.mark.parametrize(("kind", "after"), NARROW)
def test_plan__grants_what_is_narrow__raises_nothing(kind, after):
    assert signals(created(kind, after)) == {}


@pytest.mark.parametrize(("kind", "after", "name", "severity"), WIDE)
def test_plan__grant_that_was_there__is_not_blamed_on_another_edit(kind, after, name, severity):
    assert signals(updated(kind, after | {"tags": {}}, after | {"tags": {"a": "b"}})) == {}


def test_plan__narrows_a_policy__raises_nothing():
    before, after = {"policy": policy("*")}, {"policy": policy("s3:GetObject", "arn:aws:s3:::b")}
    assert signals(updated("aws_iam_policy", before, after)) == {}


def test_plan__same_policy_written_otherwise__raises_nothing():
    text = policy("*")
    spaced = json.dumps(json.loads(text), indent=4)
    assert signals(updated("aws_iam_policy", {"policy": text}, {"policy": spaced})) == {}


@pytest.mark.parametrize(
    ("kind", "after", "name", "alias"),
    [
        ("aws_iam_policy", {"policy": policy("*")}, "iam_admin", "checkov:CKV_AWS_62"),
        ("aws_kms_key", {"policy": policy("kms:*", Principal="*")}, "iam_public",
         "checkov:CKV_AWS_33"),
        ("aws_sqs_queue_policy", {"policy": policy("sqs:*", Principal="*")}, "iam_public",
         "checkov:CKV_AWS_168"),
        ("google_project_iam_member", {"role": "roles/editor", "member": "user:a@b.c"},
         "iam_admin", "checkov:CKV_GCP_117"),
    ],
)  # fmt: skip
def test_plan__grants_too_much__carries_the_peers_names(kind, after, name, alias):
    assert alias in signal(name, created(kind, after))["aliases"]
