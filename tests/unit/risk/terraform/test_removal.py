import pytest

from controlplane.risk.names import vocabulary
from tests.unit.risk.terraform.plans import ORDERS, classified, deleted, entry, signal, signals

HOLDING_DATA = sorted(
    vocabulary("""
    aws_db_instance aws_rds_cluster aws_dynamodb_table aws_s3_bucket aws_ebs_volume
    aws_efs_file_system aws_sqs_queue aws_kinesis_stream aws_msk_cluster aws_kms_key
    aws_secretsmanager_secret aws_route53_zone aws_ecr_repository aws_cognito_user_pool
    aws_elasticache_replication_group aws_opensearch_domain aws_redshift_cluster
    aws_docdb_cluster aws_backup_vault aws_eks_cluster aws_fsx_lustre_file_system
    google_sql_database_instance google_storage_bucket google_compute_disk
    google_bigquery_dataset google_bigtable_instance google_spanner_database
    google_filestore_instance google_pubsub_subscription google_kms_key_ring
    google_kms_crypto_key google_secret_manager_secret google_dns_managed_zone
    google_redis_instance google_artifact_registry_repository google_container_cluster
    google_firestore_database google_alloydb_cluster google_project
    azurerm_mssql_database azurerm_postgresql_flexible_server azurerm_cosmosdb_account
    azurerm_storage_account azurerm_storage_container azurerm_managed_disk azurerm_key_vault
    azurerm_key_vault_key azurerm_servicebus_queue azurerm_eventhub azurerm_dns_zone
    azurerm_private_dns_zone azurerm_recovery_services_vault azurerm_container_registry
    azurerm_kubernetes_cluster azurerm_resource_group azurerm_storage_share
    kubernetes_namespace kubernetes_persistent_volume_claim_v1 digitalocean_database_cluster
    mongodbatlas_cluster cloudflare_zone oci_objectstorage_bucket alicloud_db_instance
    hcloud_volume github_repository confluent_kafka_topic yandex_mdb_mysql_cluster
""")
)

HOLDING_NONE = sorted(
    vocabulary("""
    aws_s3_bucket_policy aws_s3_bucket_versioning aws_db_parameter_group aws_db_subnet_group
    aws_route_table aws_route_table_association aws_ebs_volume_attachment aws_kms_alias
    aws_batch_job_queue aws_sqs_queue_policy aws_secretsmanager_secret_version
    google_sql_user google_storage_bucket_iam_member azurerm_storage_account_network_rules
    aws_rds_cluster_instance aws_lambda_function aws_instance azurerm_key_vault_access_policy
""")
)


@pytest.mark.parametrize("kind", HOLDING_DATA)
def test_plan__deletes_what_holds_data__is_critical_and_irreversible(kind):
    found = classified(deleted(kind))
    assert found["level"] == "critical"
    assert found["reversibility"] == "irreversible"
    assert found["signals"][0]["id"] == "stateful_delete"
    assert f"{kind}.this" in found["signals"][0]["summary"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["aws_db_instance", "google_storage_bucket", "azurerm_key_vault"])
def test_plan__replaces_what_holds_data__is_critical_in_either_order(kind, order):
    assert signals(entry(kind, ORDERS[order], {"a": 1}, {"a": 2}))["stateful_replace"] == "critical"


@pytest.mark.parametrize("kind", HOLDING_NONE)
def test_plan__deletes_what_holds_no_data__is_not_critical(kind):
    assert classified(deleted(kind))["level"] != "critical"


def test_plan__loses_data_in_a_test_environment__stays_critical():
    found = classified(
        deleted("aws_db_instance", {"tags": {"Environment": "dev"}}),
        context={"environment": "dev"},
    )
    assert found["level"] == "critical"


def test_plan__deposed_object_of_what_holds_data__is_critical():
    found = classified(deleted("aws_db_instance", deposed="a1b2c3d4"))
    assert found["level"] == "critical"
    assert "deposed a1b2c3d4" in found["signals"][0]["summary"]


@pytest.mark.parametrize(
    ("order", "name", "severity"),
    [
        ("delete first", "replace_delete_first", "high"),
        ("create first", "replace_create_first", "medium"),
    ],
)
def test_plan__replaces_what_serves__order_decides(order, name, severity):
    assert signals(entry("aws_instance", ORDERS[order], {"ami": 1}, {"ami": 2}))[name] == severity


@pytest.mark.parametrize(
    ("kind", "action", "expected"),
    [
        ("aws_lb", "delete", {"resource_delete": "high"}),
        ("aws_route53_record", "delete", {"resource_delete": "high"}),
        ("aws_security_group_rule", "delete", {"resource_delete": "medium"}),
        ("aws_iam_role_policy_attachment", "delete", {"resource_delete": "medium"}),
        ("nobody_knows_this", "delete", {"resource_delete": "high"}),
        ("aws_ecs_task_definition", ORDERS["delete first"], {"replace_delete_first": "low"}),
        ("google_secret_manager_secret_version", "delete", {"resource_delete": "medium"}),
        ("random_password", ORDERS["delete first"], {"generated_value_lost": "medium"}),
        ("null_resource", ORDERS["delete first"], {}),
        ("terraform_data", "delete", {}),
        ("local_file", "delete", {}),
        ("aws_cloudwatch_log_group", "delete", {"logs_removed": "high"}),
        ("aws_cloudtrail", "delete", {"audit_removed": "high"}),
        ("aws_cloudwatch_metric_alarm", "delete", {"monitoring_removed": "medium"}),
        ("google_monitoring_alert_policy", "delete", {"monitoring_removed": "medium"}),
        ("azurerm_monitor_metric_alert", "delete", {"monitoring_removed": "medium"}),
        ("datadog_monitor", "delete", {"monitoring_removed": "medium"}),
        ("aws_s3_bucket_public_access_block", "delete", {"protection_removed": "high"}),
        ("azurerm_management_lock", "delete", {"protection_removed": "high"}),
        ("aws_backup_plan", "delete", {"protection_removed": "high"}),
    ],
)
def test_plan__removes_a_resource__class_of_its_type_decides(kind, action, expected):
    after = None if action == "delete" else {"a": 2}
    assert signals(entry(kind, action, {"a": 1}, after)) == expected


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("delete_because_count_index", "count"),
        ("delete_because_each_key", "for_each"),
        ("delete_because_no_module", "module"),
    ],
)
def test_plan__removal_that_nobody_named__is_told_beside_it(reason, words):
    found = signal("removal_by_side_effect", deleted("aws_instance", action_reason=reason))
    assert words in found["summary"]
    assert found["aliases"] == [f"terraform:{reason}"]


def test_plan__removal_from_the_configuration__is_no_side_effect():
    found = signals(deleted("aws_instance", action_reason="delete_because_no_resource_config"))
    assert found == {"resource_delete": "high"}


def test_plan__replacement__names_the_attribute_that_forces_it():
    found = signal(
        "stateful_replace",
        entry(
            "aws_db_instance", ORDERS["delete first"], {"availability_zone": "a"},
            {"availability_zone": "b"}, replace_paths=[["availability_zone"]],
            action_reason="replace_because_cannot_update",
        ),
    )  # fmt: skip
    assert "`availability_zone` cannot be changed in place" in found["summary"]


@pytest.mark.parametrize(
    "harmless",
    [
        entry(
            "aws_db_instance", "no-op", {"a": 1}, {"a": 1}, previous_address="aws_db_instance.old"
        ),
        entry("aws_s3_bucket", "no-op", {"a": 1}, {"a": 1}, importing={"id": "b"}),
        entry("aws_ami", "read", None, {"id": "x"}),
        entry("aws_s3_bucket", "create", None, {"bucket": "b"}),
        entry("aws_instance", "update", {"tags": {"a": "b"}}, {"tags": {"a": "c"}}),
    ],
    ids=["moved", "imported", "read", "created", "tagged"],
)
def test_plan__moved_imported_read_created_tagged__is_low_without_signals(harmless):
    found = classified(harmless)
    assert (found["level"], found["signals"]) == ("low", [])


def test_plan__forgets_a_resource__is_advice():
    assert signals(entry("aws_db_instance", "forget", {"a": 1})) == {"forgotten": "low"}


@pytest.mark.parametrize("tags", ["tags", "tags_all", "labels"])
def test_plan__removes_what_is_tagged_as_test__is_milder(tags):
    assert signals(deleted("aws_instance", {tags: {"env": "test"}})) == {
        "resource_delete": "medium"
    }


def test_plan__case_says_test_but_name_says_prod__is_not_milder():
    found = signals(
        deleted("aws_instance", address="module.prod_web.aws_instance.this"),
        context={"environment": "test"},
    )
    assert found["resource_delete"] == "high"


def test_plan__moves_from_test_to_production__is_not_milder():
    replaced = entry(
        "aws_instance", ORDERS["delete first"],
        {"tags": {"Environment": "test"}}, {"tags": {"Environment": "production"}},
    )  # fmt: skip
    assert signals(replaced)["replace_delete_first"] == "high"


def test_plan__same_finding_on_many__is_told_once_with_names():
    many = [deleted("aws_security_group_rule", name=f"r{number}") for number in range(9)]
    found = [one for one in classified(*many)["signals"] if one["id"] == "resource_delete"]
    assert len(found) == 1
    assert "r0" in found[0]["summary"]
    assert "and 4 more" in found[0]["summary"]


def test_plan__several_databases_go__each_is_told():
    found = classified(*(deleted("aws_db_instance", name=name) for name in ("a", "b", "c")))
    lost = [one["summary"] for one in found["signals"] if one["id"] == "stateful_delete"]
    assert [summary.split(":")[0][-1] for summary in lost] == ["a", "b", "c"]
