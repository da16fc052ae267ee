"""What checkov and tfsec (trivy) call the same finding, by attribute and resource type."""

from collections.abc import Mapping

_PUBLIC_DATABASE = "tfsec:azure-database-no-public-access"
_ALIASES: Mapping[str, Mapping[str, str]] = {
    "deletion_protection": {
        "aws_db_instance": "checkov:CKV_AWS_293",
        "aws_rds_cluster": "checkov:CKV_AWS_139",
        "aws_qldb_ledger": "checkov:CKV_AWS_172",
        "google_spanner_database": "checkov:CKV_GCP_119",
        "google_bigquery_table": "checkov:CKV_GCP_121",
        "google_bigtable_instance": "checkov:CKV_GCP_122",
    },
    "enable_deletion_protection": {
        "aws_lb": "checkov:CKV_AWS_150",
        "aws_alb": "checkov:CKV_AWS_150",
    },
    "delete_protection": {"aws_networkfirewall_firewall": "checkov:CKV_AWS_344"},
    "enable_drop_protection": {"google_spanner_database": "checkov:CKV_GCP_120"},
    "purge_protection_enabled": {
        "azurerm_key_vault": "checkov:CKV_AZURE_110 tfsec:azure-keyvault-no-purge",
        "azurerm_app_configuration": "checkov:CKV_AZURE_187",
    },
    "backup_retention_period": {
        "aws_db_instance": "checkov:CKV_AWS_133 tfsec:aws-rds-specify-backup-retention",
        "aws_rds_cluster": "checkov:CKV_AWS_133 tfsec:aws-rds-specify-backup-retention",
        "aws_docdb_cluster": "checkov:CKV_AWS_360",
        "aws_neptune_cluster": "checkov:CKV_AWS_361",
    },
    "snapshot_retention_limit": {
        "aws_elasticache_cluster": "checkov:CKV_AWS_134 "
        "tfsec:aws-elasticache-enable-backup-retention",
    },
    "point_in_time_recovery.enabled": {
        "aws_dynamodb_table": "checkov:CKV_AWS_28 tfsec:aws-dynamodb-enable-recovery",
    },
    "backup_configuration.enabled": {
        "google_sql_database_instance": "checkov:CKV_GCP_14 tfsec:google-sql-enable-backup",
    },
    "versioning.enabled": {
        "aws_s3_bucket": "checkov:CKV_AWS_21 tfsec:aws-s3-enable-versioning",
        "google_storage_bucket": "checkov:CKV_GCP_78",
    },
    "versioning_configuration.status": {
        "aws_s3_bucket_versioning": "checkov:CKV_AWS_21 tfsec:aws-s3-enable-versioning",
    },
    "geo_redundant_backup_enabled": {
        "azurerm_postgresql_server": "checkov:CKV_AZURE_102",
        "azurerm_postgresql_flexible_server": "checkov:CKV_AZURE_136",
        "azurerm_mysql_server": "checkov:CKV_AZURE_94",
        "azurerm_mysql_flexible_server": "checkov:CKV_AZURE_94",
        "azurerm_mariadb_server": "checkov:CKV_AZURE_129",
    },
    "retention_in_days": {"aws_cloudwatch_log_group": "checkov:CKV_AWS_66 checkov:CKV_AWS_338"},
    "multi_az": {"aws_db_instance": "checkov:CKV_AWS_157"},
    "zone_redundant": {
        "azurerm_mssql_database": "checkov:CKV_AZURE_229",
        "azurerm_eventhub_namespace": "checkov:CKV_AZURE_228",
    },
    "zone_redundancy_enabled": {"azurerm_container_registry": "checkov:CKV_AZURE_233"},
    "zone_balancing_enabled": {"azurerm_service_plan": "checkov:CKV_AZURE_225"},
    "account_replication_type": {"azurerm_storage_account": "checkov:CKV_AZURE_206"},
    "storage_encrypted": {
        "aws_db_instance": "checkov:CKV_AWS_16 tfsec:aws-rds-encrypt-instance-storage-data",
        "aws_rds_cluster": "checkov:CKV_AWS_96 tfsec:aws-rds-encrypt-cluster-storage-data",
        "aws_docdb_cluster": "checkov:CKV_AWS_74",
        "aws_neptune_cluster": "checkov:CKV_AWS_44",
    },
    "encrypted": {
        "aws_ebs_volume": "checkov:CKV_AWS_3",
        "aws_efs_file_system": "checkov:CKV_AWS_42",
        "aws_redshift_cluster": "checkov:CKV_AWS_64",
    },
    "at_rest_encryption_enabled": {
        "aws_elasticache_replication_group": "checkov:CKV_AWS_29 "
        "tfsec:aws-elasticache-enable-at-rest-encryption",
    },
    "transit_encryption_enabled": {
        "aws_elasticache_replication_group": "checkov:CKV_AWS_30 "
        "tfsec:aws-elasticache-enable-in-transit-encryption",
    },
    "enable_key_rotation": {
        "aws_kms_key": "checkov:CKV_AWS_7 tfsec:aws-kms-auto-rotate-keys",
    },
    "enable_https_traffic_only": {
        "azurerm_storage_account": "checkov:CKV_AZURE_3 tfsec:azure-storage-enforce-https",
    },
    "https_traffic_only_enabled": {
        "azurerm_storage_account": "checkov:CKV_AZURE_3 tfsec:azure-storage-enforce-https",
    },
    "publicly_accessible": {
        "aws_db_instance": "checkov:CKV_AWS_17 tfsec:aws-rds-no-public-db-access",
        "aws_rds_cluster_instance": "checkov:CKV_AWS_17 tfsec:aws-rds-no-public-db-access",
        "aws_neptune_cluster_instance": "checkov:CKV_AWS_102",
        "aws_redshift_cluster": "checkov:CKV_AWS_87",
        "aws_dms_replication_instance": "checkov:CKV_AWS_89",
        "aws_mq_broker": "checkov:CKV_AWS_69 tfsec:aws-mq-no-public-access",
    },
    "public_network_access_enabled": {
        "azurerm_mssql_server": f"checkov:CKV_AZURE_113 {_PUBLIC_DATABASE}",
        "azurerm_postgresql_server": f"checkov:CKV_AZURE_68 {_PUBLIC_DATABASE}",
        "azurerm_mysql_server": f"checkov:CKV_AZURE_53 {_PUBLIC_DATABASE}",
        "azurerm_mariadb_server": f"checkov:CKV_AZURE_48 {_PUBLIC_DATABASE}",
        "azurerm_cosmosdb_account": "checkov:CKV_AZURE_101",
        "azurerm_key_vault": "checkov:CKV_AZURE_189",
        "azurerm_redis_cache": "checkov:CKV_AZURE_89",
        "azurerm_storage_account": "checkov:CKV_AZURE_59",
        "azurerm_container_registry": "checkov:CKV_AZURE_139",
        "azurerm_servicebus_namespace": "checkov:CKV_AZURE_204",
    },
    "allow_nested_items_to_be_public": {"azurerm_storage_account": "checkov:CKV_AZURE_190"},
    "allow_blob_public_access": {"azurerm_storage_account": "checkov:CKV_AZURE_190"},
    "container_access_type": {
        "azurerm_storage_container": "checkov:CKV_AZURE_34 tfsec:azure-storage-no-public-access",
    },
    "acl": {
        "aws_s3_bucket": "checkov:CKV_AWS_20 checkov:CKV_AWS_57 "
        "tfsec:aws-s3-no-public-access-with-acl",
        "aws_s3_bucket_acl": "checkov:CKV_AWS_20 checkov:CKV_AWS_57 "
        "tfsec:aws-s3-no-public-access-with-acl",
    },
    "block_public_acls": {
        "aws_s3_bucket_public_access_block": "checkov:CKV_AWS_53 tfsec:aws-s3-block-public-acls",
    },
    "block_public_policy": {
        "aws_s3_bucket_public_access_block": "checkov:CKV_AWS_54 tfsec:aws-s3-block-public-policy",
    },
    "ignore_public_acls": {
        "aws_s3_bucket_public_access_block": "checkov:CKV_AWS_55 tfsec:aws-s3-ignore-public-acls",
    },
    "restrict_public_buckets": {
        "aws_s3_bucket_public_access_block": "checkov:CKV_AWS_56 tfsec:aws-s3-no-public-buckets",
    },
    "endpoint_public_access": {
        "aws_eks_cluster": "checkov:CKV_AWS_39 tfsec:aws-eks-no-public-cluster-access",
    },
    "public_access_cidrs": {
        "aws_eks_cluster": "checkov:CKV_AWS_38 tfsec:aws-eks-no-public-cluster-access-to-cidr",
    },
    "map_public_ip_on_launch": {
        "aws_subnet": "checkov:CKV_AWS_130 tfsec:aws-ec2-no-public-ip-subnet",
    },
    "associate_public_ip_address": {"aws_instance": "checkov:CKV_AWS_88"},
    "authorization": {"aws_api_gateway_method": "checkov:CKV_AWS_59"},
    "ipv4_enabled": {"google_sql_database_instance": "checkov:CKV_GCP_60"},
    "authorized_networks.value": {
        "google_sql_database_instance": "checkov:CKV_GCP_11 tfsec:google-sql-no-public-access",
    },
    "public_access_prevention": {"google_storage_bucket": "checkov:CKV_GCP_114"},
}


def aliases_of(names: tuple[str, str], resource_type: str) -> tuple[str, ...]:
    for name in reversed(names):
        if name in _ALIASES:
            return tuple(_ALIASES[name].get(resource_type, "").split())
    return ()
