"""Which attributes protect, and in which direction they weaken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from controlplane.risk.signals import Severity

Shape = Literal["on", "off", "amount", "present"]


@dataclass(frozen=True, slots=True)
class Protection:
    """`on`: has to stay true. `off`: has to stay false. `amount`: must not fall.
    `present`: must not become empty. Otherwise `ranks`: weakest first.
    """

    signal: str
    severity: Severity
    shape: Shape = "on"
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    what: str
    why: str
    remedy: str


MEANINGS = {
    "deletion_protection_lost": Meaning(
        "protection against deletion is lost",
        "The next mistake deletes it without being stopped.",
        "Keep it on, and lift it in a change of its own right before an intended deletion.",
    ),
    "backup_lost": Meaning(
        "backups or kept versions become fewer",
        "How far back one can go shrinks at once: what is older is deleted.",
        "Keep the retention, or copy what is needed elsewhere first.",
    ),
    "multi_zone_lost": Meaning(
        "it stands in fewer zones than before",
        "The next failure of one zone, or a maintenance, is an outage.",
        "Keep the standby, or agree on the lower availability with the owner.",
    ),
    "encryption_lost": Meaning(
        "encryption is weakened",
        "What was unreadable to others at rest or on the way becomes readable.",
        "Keep it on; to change the key, re-encrypt with the new one first.",
    ),
    "monitoring_weakened": Meaning(
        "it reports or alerts less than before",
        "If this change does harm, it is seen later or not at all.",
        "Silence for a limited time instead of switching off.",
    ),
}


def _all(signal: str, severity: Severity, words: str, shape: Shape = "on") -> dict[str, Protection]:
    return dict.fromkeys(words.split(), Protection(signal, severity, shape))


# By the attribute's name, or by `block.name` where the name alone says too little.
PROTECTIONS: Mapping[str, Protection] = {
    **_all(
        "deletion_protection_lost",
        "high",
        "deletion_protection deletion_protection_enabled enable_deletion_protection "
        "disable_api_termination termination_protection enable_termination_protection "
        "delete_protection purge_protection_enabled enable_drop_protection "
        "prevent_deletion_if_contains_resources is_deletion_protected",
    ),
    **_all(
        "deletion_protection_lost",
        "medium",
        "force_destroy force_delete skip_final_snapshot delete_contents_on_destroy "
        "force_destroy_on_delete delete_on_termination delete_automated_backups",
        "off",
    ),
    **_all(
        "deletion_protection_lost",
        "medium",
        "deletion_window_in_days recovery_window_in_days soft_delete_retention_days "
        "delete_retention_policy.days container_delete_retention_policy.days",
        "amount",
    ),
    **_all(
        "backup_lost",
        "high",
        "backup_retention_period backup_retention_days backup_retention retention_period "
        "snapshot_retention_limit automated_snapshot_retention_period retained_backups "
        "automatic_backup_retention_days "
        "transaction_log_retention_days message_retention_seconds message_retention_duration "
        "message_retention retention_in_days retention_days",
        "amount",
    ),
    **_all(
        "backup_lost",
        "high",
        "point_in_time_recovery.enabled point_in_time_recovery_enabled "
        "backup_configuration.enabled binary_log_enabled versioning.enabled "
        "versioning_configuration.status versioning_enabled geo_redundant_backup_enabled "
        "geo_backup_enabled auto_backup_enabled automated_backups_enabled",
    ),
    **_all(
        "multi_zone_lost",
        "high",
        "multi_az multi_az_enabled automatic_failover_enabled zone_redundant "
        "zone_redundancy_enabled zone_balancing_enabled enable_multi_zone multi_region_auth "
        "multi_region cross_zone_load_balancing enable_cross_zone_load_balancing",
    ),
    "availability_type": Protection("multi_zone_lost", "high", ranks=("zonal", "regional")),
    "high_availability.mode": Protection("multi_zone_lost", "high", shape="present"),
    "deployment_mode": Protection(
        "multi_zone_lost",
        "high",
        ranks=("single_instance", "active_standby_multi_az", "cluster_multi_az"),
    ),
    "account_replication_type": Protection(
        "multi_zone_lost", "high", ranks=("lrs", "zrs", "grs", "ragrs", "gzrs", "ragzrs")
    ),
    **_all(
        "encryption_lost",
        "high",
        "storage_encrypted encrypted at_rest_encryption_enabled transit_encryption_enabled "
        "encrypt_at_rest.enabled node_to_node_encryption.enabled server_side_encryption.enabled "
        "enable_https_traffic_only https_traffic_only_enabled https_only "
        "ssl_enforcement_enabled require_ssl enforce_https ssl_enabled sqs_managed_sse_enabled "
        "infrastructure_encryption_enabled encryption_at_host_enabled",
    ),
    **_all(
        "encryption_lost", "medium", "enable_key_rotation rotation_enabled key_rotation_enabled"
    ),
    **_all(
        "encryption_lost",
        "medium",
        "kms_key_id kms_key_arn kms_master_key_id kms_key_name default_kms_key_name "
        "kms_key_self_link disk_encryption_set_id",
        "present",
    ),
    **_all("encryption_lost", "high", "sse_algorithm", "present"),
    **dict.fromkeys(
        ("min_tls_version", "minimum_tls_version", "minimum_protocol_version", "ssl_policy_min"),
        Protection(
            "encryption_lost",
            "medium",
            ranks=("tlsenforcementdisabled", "ssl", "tls1_0", "tls1_1", "tls1_2", "tls1_3"),
        ),
    ),
    **_all(
        "monitoring_weakened",
        "medium",
        "actions_enabled enable_logging enable_log_file_validation is_multi_region_trail "
        "include_global_service_events performance_insights_enabled auditing_enabled "
        "enable_audit_log",
    ),
    **_all(
        "monitoring_weakened",
        "medium",
        "logging.target_bucket access_logs.bucket logging_config.bucket "
        "access_log_settings.destination_arn logging.log_bucket",
        "present",
    ),
}


def protection_of(names: tuple[str, str]) -> Protection | None:
    return PROTECTIONS.get(names[1]) or PROTECTIONS.get(names[0])
