"""What the policy as a whole allows: everything, more rights, credentials, secrets.

Ways to more rights: Rhino Security Labs and Bishop Fox, "AWS IAM privilege escalation methods".
"""

from collections.abc import Iterable, Iterator, Sequence

from controlplane.risk.iam.actions import PERMISSIONS, WRITING, Action, named
from controlplane.risk.iam.arns import acts_on
from controlplane.risk.iam.findings import ALL, Finding, check, shown
from controlplane.risk.iam.policy import Policy, Rule, Statement

ADMIN = check(
    "full_access", "high",
    "Every action on every resource: whoever has it has the account.",
    "Name the actions and resources that are needed.",
    "checkov:CKV_AWS_62 checkov:CKV_AWS_63 parliament:PRIVILEGE_ESCALATION "
    "parliament:CREDENTIALS_EXPOSURE parliament:PERMISSIONS_MANAGEMENT_ACTIONS",
    implies="wildcard_actions privilege_escalation credentials_exposure sensitive_access "
    "permissions_management resource_policy_privilege_escalation resource_star not_action "
    "not_resource resource_effectively_star resource_mismatch",
)  # fmt: skip
WILDCARD = check(
    "wildcard_actions", "medium",
    "All actions of a service, those that AWS adds later as well.",
    "Name the actions that are needed.",
)  # fmt: skip
ESCALATION = check(
    "privilege_escalation", "high",
    "With these actions together their holder can give itself any right in the account.",
    "Leave one of them out, or bind it to a path or a permissions boundary.",
    "parliament:PRIVILEGE_ESCALATION checkov:CKV_AWS_286",
)  # fmt: skip
CREDENTIALS = check(
    "credentials_exposure", "medium",
    "The answer to these calls holds credentials, which work elsewhere and later too.",
    "Allow them on the one role, user or cluster that needs them.",
    "parliament:CREDENTIALS_EXPOSURE checkov:CKV_AWS_287",
)  # fmt: skip
SENSITIVE = check(
    "sensitive_access", "medium",
    "Secrets, parameters or data of the whole account can be read.",
    "Name the secrets, paths or buckets.",
    "parliament:SENSITIVE_ACCESS checkov:CKV_AWS_288",
)  # fmt: skip
MANAGEMENT = check(
    "permissions_management", "medium",
    "Who may change permissions decides what everybody else may do.",
    "Leave these to the pipeline that manages permissions.",
    "parliament:PERMISSIONS_MANAGEMENT_ACTIONS checkov:CKV_AWS_289",
)  # fmt: skip
BUCKET = check(
    "resource_policy_privilege_escalation", "high",
    "Who may write the bucket's policy, ACL or life cycle can do to its objects what is not "
    "allowed here.",
    "Leave it out, or allow the action on the objects knowingly.",
    "parliament:RESOURCE_POLICY_PRIVILEGE_ESCALATION",
)  # fmt: skip

_PASS = "iam:PassRole"  # noqa: S105
ESCALATIONS: tuple[tuple[str, ...], ...] = (
    ("iam:CreateAccessKey",), ("iam:CreateLoginProfile",), ("iam:UpdateLoginProfile",),
    ("iam:CreatePolicyVersion",), ("iam:SetDefaultPolicyVersion",), ("iam:AttachUserPolicy",),
    ("iam:AttachGroupPolicy",), ("iam:AttachRolePolicy", "sts:AssumeRole"),
    ("iam:PutUserPolicy",), ("iam:PutGroupPolicy",), ("iam:PutRolePolicy", "sts:AssumeRole"),
    ("iam:AddUserToGroup",), ("iam:UpdateAssumeRolePolicy", "sts:AssumeRole"),
    (_PASS, "ec2:RunInstances"), (_PASS, "lambda:CreateFunction", "lambda:InvokeFunction"),
    (_PASS, "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    (_PASS, "lambda:CreateFunction", "lambda:AddPermission"),
    (_PASS, "glue:CreateDevEndpoint"), (_PASS, "cloudformation:CreateStack"),
    (_PASS, "datapipeline:CreatePipeline"), (_PASS, "ecs:RunTask"),
    (_PASS, "codebuild:CreateProject", "codebuild:StartBuild"),
    (_PASS, "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"),
    ("glue:UpdateDevEndpoint",), ("lambda:UpdateFunctionCode",),
    ("lambda:UpdateFunctionConfiguration",), ("iam:DeleteRolePermissionsBoundary",),
    ("iam:DeleteUserPermissionsBoundary",),
)  # fmt: skip
CREDENTIAL_CALLS = (
    "codepipeline:PollForJobs", "cognito-idp:AssociateSoftwareToken",
    "cognito-idp:DescribeUserPoolClient", "cognito-identity:GetCredentialsForIdentity",
    "cognito-identity:GetOpenIdToken", "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    "connect:GetFederationToken", "connect:GetFederationTokens", "ecr:GetAuthorizationToken",
    "ecr-public:GetAuthorizationToken", "codeartifact:GetAuthorizationToken",
    "gamelift:RequestUploadCredentials", "iam:CreateAccessKey", "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential",
    "iam:UpdateAccessKey", "iot:AssumeRoleWithCertificate",
    "lightsail:GetInstanceAccessDetails", "lightsail:GetRelationalDatabaseMasterUserPassword",
    "mediapackage:RotateIngestEndpointCredentials", "rds-db:connect",
    "redshift:GetClusterCredentials", "redshift:GetClusterCredentialsWithIAM",
    "redshift-serverless:GetCredentials", "sso:GetRoleCredentials", "sts:AssumeRole",
    "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:GetFederationToken",
    "sts:GetSessionToken",
)  # fmt: skip
SECRET_CALLS = (
    "secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters",
    "ssm:GetParametersByPath", "s3:GetObject", "dynamodb:GetItem", "dynamodb:Scan", "kms:Decrypt",
)  # fmt: skip
IDENTITY_SERVICES = frozenset(("iam", "ram", "sso", "sso-directory"))
# What acts on the bucket, and the calls on its objects that it can bring about.
BUCKET_CALLS = {
    "s3:PutBucketPolicy": ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"),
    "s3:PutBucketAcl": ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"),
    "s3:PutLifecycleConfiguration": ("s3:DeleteObject",),
}


def allowed(policy: Policy, full: str) -> list[str]:
    """The resources, as they are written, on which `full` is allowed and not denied outright."""
    action, found, denied = named(full), [], set()
    for one in policy.statements:
        if one.own or not one.takes_in(full):
            continue
        reached = [arn for arn in one.resources if _reaches(action, arn)]
        if one.allows:
            found += reached
        elif not one.condition and "NotResource" not in one.body:
            denied |= set(reached)
    return [] if "*" in denied else [arn for arn in dict.fromkeys(found) if arn not in denied]


def _reaches(action: Action | None, arn: str) -> bool:
    kinds = (action.required or action.possible) if action else ()
    return arn == "*" or any(acts_on(kind, arn) for kind in kinds)


def is_admin(one: Statement) -> bool:
    whole = "*" in one.resources and "NotResource" not in one.body
    return one.all_actions and whole and not one.own


def _first(policy: Policy, calls: Iterable[str]) -> tuple[str | int, ...]:
    """Where the first of the calls is allowed."""
    wanted = list(calls)
    for one in policy.allowing():
        if any(one.takes_in(call) for call in wanted):
            return (*one.path, "Action" if "Action" in one.body else "NotAction")
    return policy.root


def admin(policy: Policy) -> Iterator[Finding]:
    for one in policy.allowing():
        path = (*one.path, "Action")
        if is_admin(one):
            yield Finding(ADMIN, "Everything is allowed on everything", path, ALL)
        elif one.all_actions:
            what = f"All actions are allowed on {shown(one.resources)}"
            yield Finding(WILDCARD, what, path, ALL)
        else:
            whole = [name.lower() for name in one.actions if name.endswith(":*")]
            if whole:
                what = f"All actions of a service are allowed: {shown(whole)}"
                yield Finding(WILDCARD, what, path, frozenset(whole))


def escalation(policy: Policy) -> Iterator[Finding]:
    if any(map(is_admin, policy.allowing())):
        return
    calls = {call for way in ESCALATIONS for call in way}
    given = {call for call in calls if allowed(policy, call)}
    ways = [" with ".join(way) for way in ESCALATIONS if given >= set(way)]
    if ways:
        what = f"{shown(ways)} gives any right"
        yield Finding(ESCALATION, what, _first(policy, given), frozenset(ways))


def credentials(policy: Policy) -> Iterator[Finding]:
    if any(map(is_admin, policy.allowing())):
        return
    given = [call for call in CREDENTIAL_CALLS if allowed(policy, call)]
    if given:
        what = f"{shown(given)} hands out credentials"
        yield Finding(CREDENTIALS, what, _first(policy, given), frozenset(given))
    read = [call for call in SECRET_CALLS if "*" in allowed(policy, call)]
    if read:
        what = f"{shown(read)} is allowed on everything"
        yield Finding(SENSITIVE, what, _first(policy, read), frozenset(read))


def management(policy: Policy) -> Iterator[Finding]:
    if any(map(is_admin, policy.allowing())):
        return
    asked = dict.fromkeys(
        action.full for one in policy.allowing() for action in one.expanded if _manages(action)
    )
    given = [full for full in asked if allowed(policy, full)]
    if given:
        what = f"{shown(given)} changes permissions"
        yield Finding(MANAGEMENT, what, _first(policy, given), frozenset(given))


def _manages(action: Action) -> bool:
    """In the services that hold identities each change is one of permissions, whatever AWS calls
    its level: a new user, a group, a share.
    """
    changes = action.level == WRITING and action.service in IDENTITY_SERVICES
    return action.level == PERMISSIONS or changes


def buckets(policy: Policy) -> Iterator[Finding]:
    for call, objects in BUCKET_CALLS.items():
        owned = allowed(policy, call)
        for each in objects if owned else ():
            reached = set(allowed(policy, each))
            open_ = [one for one in owned if not {one, f"{one}/*", "*"} & reached]
            if open_:
                what = f"{call} on {shown(open_)} brings about {each}, which is not allowed"
                items = frozenset(f"{call} {bucket} {each}" for bucket in open_)
                yield Finding(BUCKET, what, _first(policy, [call]), items)


RULES: Sequence[Rule] = (admin, escalation, credentials, management, buckets)
