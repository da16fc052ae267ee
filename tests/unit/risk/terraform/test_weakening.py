"""Updates in place: protection lost, exposure won, capacity cut, versions raised."""

import pytest

from tests.unit.risk.terraform.plans import created, entry, signal, signals, updated

WEAKENED = [
    ("aws_db_instance", {"deletion_protection": (True, False)}, "deletion_protection_lost", "high"),
    ("aws_lb", {"enable_deletion_protection": (True, None)}, "deletion_protection_lost", "high"),
    ("azurerm_key_vault", {"purge_protection_enabled": (True, False)}, "deletion_protection_lost",
     "high"),
    ("aws_s3_bucket", {"force_destroy": (False, True)}, "deletion_protection_lost", "medium"),
    ("aws_kms_key", {"deletion_window_in_days": (30, 7)}, "deletion_protection_lost", "medium"),
    ("aws_db_instance", {"backup_retention_period": (7, 0)}, "backup_lost", "high"),
    ("aws_db_instance", {"backup_retention_period": (30, 7)}, "backup_lost", "medium"),
    ("aws_dynamodb_table", {"point_in_time_recovery": ([{"enabled": True}], [{"enabled": False}])},
     "backup_lost", "high"),
    ("aws_s3_bucket_versioning",
     {"versioning_configuration": ([{"status": "Enabled"}], [{"status": "Suspended"}])},
     "backup_lost", "high"),
    ("google_pubsub_subscription", {"message_retention_duration": ("604800s", "600s")},
     "backup_lost", "medium"),
    ("aws_cloudwatch_log_group", {"retention_in_days": (0, 30)}, "backup_lost", "medium"),
    ("aws_db_instance", {"multi_az": (True, False)}, "multi_zone_lost", "high"),
    ("google_sql_database_instance",
     {"settings": ([{"availability_type": "REGIONAL"}], [{"availability_type": "ZONAL"}])},
     "multi_zone_lost", "high"),
    ("azurerm_storage_account", {"account_replication_type": ("GRS", "LRS")}, "multi_zone_lost",
     "high"),
    ("aws_rds_cluster", {"storage_encrypted": (True, False)}, "encryption_lost", "high"),
    ("aws_kms_key", {"enable_key_rotation": (True, False)}, "encryption_lost", "medium"),
    ("aws_sqs_queue", {"kms_master_key_id": ("arn:k", "")}, "encryption_lost", "medium"),
    ("azurerm_storage_account", {"min_tls_version": ("TLS1_2", "TLS1_0")}, "encryption_lost",
     "medium"),
    ("aws_cloudwatch_metric_alarm", {"actions_enabled": (True, False)}, "monitoring_weakened",
     "medium"),
    ("aws_ecs_service", {"desired_count": (4, 0)}, "capacity_to_zero", "high"),
    ("aws_autoscaling_group", {"min_size": (6, 2)}, "capacity_cut", "medium"),
    ("aws_db_instance", {"engine_version": ("14.9", "15.4")}, "engine_upgrade", "high"),
    ("aws_db_instance", {"engine_version": ("14.9", "14.11")}, "engine_upgrade", "medium"),
    ("aws_eks_cluster", {"version": ("1.29", "1.30")}, "engine_upgrade", "high"),
    ("google_sql_database_instance", {"database_version": ("POSTGRES_14", "POSTGRES_15")},
     "engine_upgrade", "high"),
    ("aws_instance", {"instance_type": ("t3.small", "t3.large")}, "restart", "medium"),
    ("aws_route53_record", {"records": (["10.0.0.1"], ["10.0.0.2"])}, "dns_changed", "medium"),
    ("google_dns_record_set", {"rrdatas": (["a."], ["b."])}, "dns_changed", "medium"),
    ("azurerm_dns_a_record", {"records": (["10.0.0.1"], ["10.0.0.2"])}, "dns_changed", "medium"),
    ("aws_db_instance", {"publicly_accessible": (False, True)}, "public_access", "high"),
    ("azurerm_mssql_server", {"public_network_access_enabled": (False, True)}, "public_access",
     "medium"),
    ("aws_s3_bucket_public_access_block", {"block_public_acls": (True, False)}, "public_access",
     "high"),
    ("aws_s3_bucket_acl", {"acl": ("private", "public-read")}, "public_access", "high"),
    ("azurerm_storage_container", {"container_access_type": ("private", "blob")}, "public_access",
     "high"),
    ("aws_eks_cluster",
     {"vpc_config": ([{"public_access_cidrs": ["10.0.0.0/8"]}],
                     [{"public_access_cidrs": ["0.0.0.0/0"]}])},
     "public_access", "medium"),
    ("aws_lambda_function_url", {"authorization_type": ("AWS_IAM", "NONE")}, "public_access",
     "high"),
    ("aws_s3_bucket_lifecycle_configuration",
     {"rule": ([{"expiration": [{"days": 365}]}], [{"expiration": [{"days": 30}]}])},
     "data_expires", "medium"),
]  # fmt: skip


def _states(step):
    return {key: old for key, (old, _) in step.items()}, {
        key: new for key, (_, new) in step.items()
    }


@pytest.mark.parametrize(("kind", "step", "name", "severity"), WEAKENED)
def test_plan__weakens_in_place__names_it(kind, step, name, severity):
    assert signals(updated(kind, *_states(step))) == {name: severity}


@pytest.mark.parametrize(("kind", "step", "name", "severity"), WEAKENED)
def test_plan__the_same_step_backwards__is_a_fix_and_raises_no_such_signal(
    kind, step, name, severity
):
    old, new = _states(step)
    assert set(signals(updated(kind, new, old))) <= {"restart", "engine_upgrade", "dns_changed"}


@pytest.mark.parametrize(("kind", "step", "name", "severity"), WEAKENED)
def test_plan__weakness_that_was_there__is_not_blamed_on_another_edit(kind, step, name, severity):
    _, weak = _states(step)
    assert signals(updated(kind, weak | {"tags": {"a": "1"}}, weak | {"tags": {"a": "2"}})) == {}


def test_plan__protection_known_only_after_apply__is_not_called_lost():
    found = signals(
        updated(
            "aws_sqs_queue", {"kms_master_key_id": "arn:k"}, {"name": "q"},
            after_unknown={"kms_master_key_id": True},
        )
    )  # fmt: skip
    assert found == {}


def test_plan__replacement_that_loses_a_zone__tells_that_too():
    found = signals(
        entry("aws_db_instance", ["delete", "create"], {"multi_az": True}, {"multi_az": False})
    )
    assert found == {"stateful_replace": "critical", "multi_zone_lost": "high"}


def test_plan__log_group_keeps_for_ever_from_now_on__is_no_loss():
    assert signals(updated("aws_cloudwatch_log_group", {"retention_in_days": 30},
                           {"retention_in_days": 0})) == {}  # fmt: skip


def test_plan__new_database_without_protection__is_advice():
    made = {"storage_encrypted": False, "multi_az": False, "backup_retention_period": 0}
    found = signal("created_unprotected", created("aws_db_instance", made))
    assert found["severity"] == "low"
    assert {"checkov:CKV_AWS_16", "checkov:CKV_AWS_157", "checkov:CKV_AWS_133"} <= set(
        found["aliases"]
    )


@pytest.mark.parametrize(
    ("kind", "after", "severity", "alias"),
    [
        ("aws_db_instance", {"publicly_accessible": True}, "high", "checkov:CKV_AWS_17"),
        ("aws_s3_bucket", {"acl": "public-read"}, "high", "checkov:CKV_AWS_20"),
        ("azurerm_redis_cache", {"public_network_access_enabled": True}, "low",
         "checkov:CKV_AZURE_89"),
        ("aws_subnet", {"map_public_ip_on_launch": True}, "low", "checkov:CKV_AWS_130"),
        ("google_sql_database_instance",
         {"settings": [{"ip_configuration": [{"authorized_networks": [{"value": "0.0.0.0/0"}]}]}]},
         "high", "checkov:CKV_GCP_11"),
    ],
)  # fmt: skip
def test_plan__makes_something_public__default_of_the_provider_counts_less(
    kind, after, severity, alias
):
    found = signal("public_access", created(kind, after))
    assert found["severity"] == severity
    assert alias in found["aliases"]


def test_plan__where__points_at_the_attribute():
    found = signal(
        "deletion_protection_lost",
        created("aws_vpc", {}),
        updated(
            "aws_lb", {"enable_deletion_protection": True}, {"enable_deletion_protection": False}
        ),
    )
    assert found["where"] == "/resource_changes/1/change/after/enable_deletion_protection"


@pytest.mark.parametrize(
    "step",
    [
        {"desired_count": (4, 3)},
        {"engine_version": ("14.9", "14.9")},
        {"name": ("a", "b")},
        {"backup_retention_period": (7, 14)},
    ],
)
def test_plan__harmless_update__raises_nothing(step):
    assert signals(updated("aws_db_instance", *_states(step))) == {}


def test_plan__launch_template_of_another_size__stops_nothing():
    step = {"instance_type": ("t3.small", "t3.large")}
    assert signals(updated("aws_launch_template", *_states(step))) == {}
