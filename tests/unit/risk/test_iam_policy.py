import json

import pytest

from controlplane.risk.iam.actions import actions_of, covers, expand, known
from controlplane.risk.iam.arns import acts_on, flaw
from controlplane.risk.iam.globs import matches, meet
from controlplane.risk.iam.reader import read
from controlplane.risk.signals import Source, rank

OBJECTS = "arn:aws:s3:::invoices/*"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"


def statement(action="sqs:SendMessage", resource=QUEUE, effect="Allow", **more):
    found = {"Effect": effect, "Action": action, "Resource": resource} | more
    return {key: value for key, value in found.items() if value is not None}


def policy(*statements, **more):
    return {"Version": "2012-10-17", "Statement": list(statements) or [statement()]} | more


def signals(after, before=""):
    return read(Source(after, before, "", {}))


def ids(after, before=""):
    return {one.id for one in signals(after, before)}


def only(name, after, before=""):
    found = [one for one in signals(after, before) if one.id == name]
    assert len(found) == 1, [one.id for one in signals(after, before)]
    return found[0]


def condition(operator, key, value, **more):
    return policy(statement(Condition={operator: {key: value}}, **more))


def test_policy__narrow__no_signal():
    assert signals(policy()) == []


@pytest.mark.parametrize(
    ("broken", "peer"),
    [
        ("{", "MALFORMED_JSON"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}', "MALFORMED_JSON"),
        ({"Version": "2012-10-17"}, "MALFORMED"),
        (policy(Owner="me"), "MALFORMED"),
        (policy(statement(Actions="s3:*")), "MALFORMED"),
        (policy(statement(effect="allow")), "MALFORMED"),
        (policy(statement(action=None)), "MALFORMED"),
        (policy(statement(resource=None)), "MALFORMED"),
        (policy(statement(NotResource="*")), "MALFORMED"),
        (policy(statement(action="SendMessage")), "MALFORMED"),
        (policy(statement(Sid="a b")), "INVALID_SID"),
        (policy(statement(Sid="a"), statement(Sid="a")), "DUPLICATE_SID"),
        ({"Statement": [statement()]}, "NO_VERSION"),
        (policy(Version="2008-10-17"), "OLD_VERSION"),
        (policy(Version="2024-01-01"), "INVALID_VERSION"),
        (policy(statement(action="sqs:SendMessages")), "UNKNOWN_ACTION"),
        (policy(statement(action="queue:SendMessage")), "UNKNOWN_PREFIX"),
        (policy(statement(resource="orders")), "INVALID_ARN"),
        (policy(statement(resource="arn:aws:sqs:nowhere:123456789012:orders")), "INVALID_ARN"),
        (policy(statement(resource=[{"Ref": "Queue"}])), "INVALID_ARN"),
        (policy(statement(Principal={"AWS": "bob"})), "UNKNOWN_PRINCIPAL"),
        (policy(statement(Principal={"Federated": "example.com"})), "UNKNOWN_FEDERATION_SOURCE"),
    ],
)
def test_form__what_aws_refuses_or_misreads__has_the_peers_name(broken, peer):
    assert f"parliament:{peer}" in {name for one in signals(broken) for name in one.aliases}


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "123456789012"},
        {"AWS": ["arn:aws:iam::123456789012:role/cart"]},
        {"Service": "lambda.amazonaws.com"},
        {"Federated": "arn:aws:iam::123456789012:saml-provider/corp"},
    ],
)
def test_form__principals_that_there_are__are_fine(principal):
    assert signals(policy(statement(Principal=principal))) == []


def test_form__trust_policy__needs_no_resource():
    trust = statement("sts:AssumeRole", None, Principal={"Service": "ec2.amazonaws.com"})
    assert signals(policy(trust)) == []


@pytest.mark.parametrize(
    ("given", "name", "peer"),
    [
        (("Equals", "aws:SourceVpc", "vpc-1"), "unknown_condition_operator", "UNKNOWN_OPERATOR"),
        (("StringEquals", "sqs:Colour", "red"), "unknown_condition_for_action",
         "UNKNOWN_CONDITION_FOR_ACTION"),
        (("StringEquals", "s3:prefix", "a"), "unknown_condition_for_action",
         "UNKNOWN_CONDITION_FOR_ACTION"),
        (("DateLessThan", "aws:CurrentTime", "tomorrow"), "condition_type_mismatch",
         "MISMATCHED_TYPE"),
        (("NumericEquals", "aws:SourceVpc", "1"), "condition_type_mismatch", "MISMATCHED_TYPE"),
        (("IpAddress", "aws:SourceIp", "example.com"), "condition_type_mismatch",
         "MISMATCHED_TYPE"),
        (("StringEquals", "aws:SourceArn", QUEUE), "condition_arn_as_string",
         "MISMATCHED_TYPE_BUT_USABLE"),
        (("Null", "aws:SourceVpc", "vpc-1"), "condition_not_boolean",
         "MISMATCHED_TYPE_OPERATION_TO_NULL"),
        (("Bool", "aws:MultiFactorAuthPresent", "false"), "mfa_condition_ineffective",
         "BAD_PATTERN_FOR_MFA"),
        (("ForAllValues:StringEquals", "aws:SourceVpc", "vpc-1"),
         "set_operator_on_single_value", "SINGLE_VALUE_CONDITION_TOO_PERMISSIVE"),
    ],
)  # fmt: skip
def test_condition__that_does_not_hold__is_named(given, name, peer):
    assert f"parliament:{peer}" in only(name, condition(*given)).aliases


@pytest.mark.parametrize(
    "given",
    [
        ("StringLike", "aws:PrincipalTag/team", "shop-*"),
        ("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "2001:db8::/32"]),
        ("DateGreaterThan", "aws:CurrentTime", "2024-05-01T00:00:00Z"),
        ("NumericLessThanIfExists", "aws:MultiFactorAuthAge", "3600"),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"]),
        ("Null", "aws:MultiFactorAuthAge", True),
        ("Bool", "aws:SecureTransport", True),
        ("StringEquals", "aws:ResourceTag/owner", "${aws:username}"),
    ],
)
def test_condition__that_holds__is_fine(given):
    assert signals(condition(*given)) == []


def test_condition__key_of_the_action_with_any_tag__is_known():
    tagged = {"StringEquals": {"s3:ExistingObjectTag/class": "public"}}
    assert signals(policy(statement("s3:GetObject", OBJECTS, Condition=tagged))) == []


def test_resource__star_for_writing__is_medium_for_reading_low():
    writing = policy(statement("sqs:DeleteQueue", "*"))
    reading = policy(statement("sqs:ReceiveMessage", "*"))
    reading["Statement"][0]["Action"] = "sqs:GetQueueUrl"
    assert only("resource_star", writing).severity == "medium"
    assert only("resource_star", reading).severity == "low"


def test_resource__star_where_nothing_else_is_possible__is_fine():
    assert signals(policy(statement("guardduty:ListDetectors", "*"))) == []


def test_resource__wildcard_in_each_place__is_as_good_as_a_star():
    wide = policy(statement("cloudtrail:PutEventSelectors", "arn:*:cloudtrail:*:*:trail/*"))
    assert "resource_effectively_star" in ids(wide)


@pytest.mark.parametrize(
    ("action", "resource", "severity"),
    [
        ("s3:GetObject", "arn:aws:s3:::invoices", "medium"),
        ("s3:ListBucket", OBJECTS, "medium"),
        ("s3:*Object", "arn:aws:s3:::invoices", "low"),
    ],
)
def test_resource__of_another_kind_than_the_action_takes__is_named(action, resource, severity):
    found = only("resource_mismatch", policy(statement(action, resource)))
    assert found.severity == severity


def test_grant__everything__is_one_signal_with_all_the_names():
    found = only("full_access", policy(statement("*", "*")))
    assert found.severity == "high"
    assert "parliament:PRIVILEGE_ESCALATION" in found.aliases
    assert ids(policy(statement("*", "*"))) == {"full_access"}


@pytest.mark.parametrize(
    "actions",
    [
        ["iam:CreateAccessKey"],
        ["iam:PassRole", "ec2:RunInstances"],
        ["iam:Put*Policy"],
        ["IAM:attachuserpolicy"],
    ],
)
def test_grant__way_to_any_right__is_high(actions):
    found = only("privilege_escalation", policy(statement(actions, "*")))
    assert found.severity == "high"
    assert "parliament:PRIVILEGE_ESCALATION" in found.aliases


def test_grant__half_of_a_way__is_none():
    assert "privilege_escalation" not in ids(policy(statement("ec2:RunInstances", "*")))


def test_grant__denied_again__is_none():
    deny = statement("iam:*", "*", "Deny")
    assert "privilege_escalation" not in ids(policy(statement("iam:CreateAccessKey", "*"), deny))


def test_grant__denied_on_a_condition_only__is_still_given():
    when = {"Bool": {"aws:SecureTransport": "false"}}
    deny = statement("iam:*", "*", "Deny", Condition=when)
    assert "privilege_escalation" in ids(policy(statement("iam:CreateAccessKey", "*"), deny))


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("ecr:GetAuthorizationToken", "credentials_exposure"),
        ("secretsmanager:GetSecretValue", "sensitive_access"),
        ("sqs:AddPermission", "permissions_management"),
        ("iam:CreateGroup", "permissions_management"),
        ("dynamodb:*", "wildcard_actions"),
    ],
)
def test_grant__of_more_than_its_own_work__is_named(action, name):
    assert name in ids(policy(statement(action, "*")))


def test_bucket__policy_may_be_written_but_objects_not_deleted__is_an_escalation():
    given = statement(["s3:PutBucketPolicy", "s3:GetObject"], ["arn:aws:s3:::invoices", OBJECTS])
    found = only("resource_policy_privilege_escalation", policy(given))
    assert "s3:DeleteObject" in found.summary


def test_principal__everybody__is_high():
    assert only("public_principal", policy(statement(Principal="*"))).severity == "high"


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_principal__everybody_of_the_own_organisation__is_fine(principal):
    bound = {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}
    assert signals(policy(statement(Principal=principal, Condition=bound))) == []


def test_principal__everybody_but_one_organisation__is_everybody():
    loose = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abc"}}
    assert "public_principal" in ids(policy(statement(Principal="*", Condition=loose)))


@pytest.mark.parametrize(
    ("field", "name"),
    [("NotAction", "not_action"), ("NotResource", "not_resource")],
)
def test_negation__with_allow__is_high(field, name):
    given = statement()
    given[field] = given.pop(field.removeprefix("Not"))
    assert only(name, policy(given)).severity == "high"


def test_negation__not_principal_with_allow__is_high():
    given = statement(NotPrincipal={"AWS": "123456789012"})
    assert only("not_principal", policy(given)).severity == "high"


def test_change__narrower__is_no_news():
    before = policy(statement("*", "*"))
    for after in (policy(statement("sqs:*", "*")), policy(statement("iam:CreateAccessKey", "*"))):
        assert all(rank(one.severity) < rank("medium") for one in signals(after, before))


def test_change__one_more_action_on_everything__is_news():
    before = policy(statement(["sqs:DeleteQueue"], "*"))
    after = policy(statement(["sqs:DeleteQueue", "sqs:PurgeQueue"], "*"))
    assert "resource_star" in ids(after, before)
    assert "resource_star" not in ids(before, after)


def test_change__deny_taken_out__is_high():
    deny = statement("sqs:DeleteQueue", "*", "Deny")
    assert only("deny_removed", policy(), policy(statement(), deny)).severity == "high"


def test_change__condition_taken_out__is_high():
    bound = condition("StringEquals", "aws:SourceVpc", "vpc-1")
    assert only("condition_removed", policy(), bound).severity == "high"
    assert ids(bound, policy()) == set()


def test_before__not_given__is_said_and_low():
    assert [one.id for one in read(Source(policy(), None, "", {}))] == ["no_before"]


def test_where__text__is_the_line():
    text = json.dumps(policy(statement("*", "*")), indent=2)
    line = text[: text.index('"Action"')].count("\n") + 1
    assert only("full_access", text).where == f"line {line}"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: {"PolicyName": "a", "PolicyDocument": one},
        lambda one: {"PolicyVersion": {"VersionId": "v1", "Document": one}},
        lambda one: {"Policy": json.dumps(one)},
    ],
)
def test_policy__wrapped_by_aws_own_tools__is_read(wrap):
    assert "full_access" in ids(wrap(policy(statement("*", "*"))))


@pytest.mark.parametrize(
    "artefact",
    [
        "[" * 100_000,
        '{"a":' * 1_000 + "1" + "}" * 1_000,
        "[" + "1," * 5_000_000 + "1]",
        "\x00",
        "Version: 2012-10-17",
        json.dumps(policy()).encode("utf-16").decode("latin-1"),
        [],
        [policy()],
        "null",
    ],
    ids=["deep list", "deep object", "ten megabytes", "nul", "yaml", "utf-16", "empty", "list",
         "null"],
)  # fmt: skip
def test_artefact__hostile_or_no_policy__is_unparsed(artefact):
    assert "unparsed" in ids(artefact)


def test_artefact__byte_order_mark__is_skipped():
    assert signals("\ufeff" + json.dumps(policy())) == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("get*", "getobject", True),
        ("*object", "getobject", True),
        ("g?t*ct", "getobject", True),
        ("get*get", "get", False),
        ("*a*a*a*a*a*a*a*a*a*b", "a" * 2_000, False),
    ],
)
def test_globs__pattern_and_text__match(pattern, text, expected):
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("*/*", "*invoices*", True),
        ("trail/*", "trail/a*", True),
        ("*mine", "*yours", False),
        ("trail/*", "t*", True),
        ("*/*", "invoices", False),
    ],
)
def test_globs__two_patterns__meet(one, other, expected):
    assert meet(one, other) is expected
    assert meet(other, one) is expected


def test_arn__kind_of_resource__may_not_be_a_wildcard():
    user = "arn:*:iam::*:user/*"
    assert acts_on(user, "arn:aws:iam::123456789012:user/a")
    assert not acts_on(user, "arn:aws:iam::123456789012:u*")
    assert not acts_on(user, "arn:aws:iam::123456789012:role/a")


def test_arn__variables__are_wildcards():
    assert flaw("arn:aws:iam::*:mfa/${aws:username}") == ""
    assert acts_on("arn:*:iam::*:mfa/*", "arn:aws:iam::*:mfa/${aws:username}")


def test_actions__table__knows_the_services_and_what_they_take():
    assert known("S3")
    assert not known("s4")
    assert [action.full for action in expand("SQS:sendmessage")] == ["sqs:SendMessage"]
    assert len(expand("s3:Get*")) > 20
    assert expand("s3:Nothing*") == ()
    assert sum(len(actions_of(each)) for each in ("s3", "ec2", "iam")) > 700
    assert covers("s3:get*", "s3:GetObject")
