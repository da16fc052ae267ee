"""What a resource type stands for, told from its name: nobody's list of types is complete.

Types are named `provider_noun_noun`, and their last noun says what they are: what ends in
`_bucket` holds data, what ends in `_bucket_policy` does not.
"""

import re
from enum import Enum
from functools import lru_cache


class Class(Enum):
    """What is lost when a resource of the type goes away."""

    DATA = "data"
    LOGS = "logs"
    SERVING = "serving"
    PROTECTION = "protection"
    MONITORING = "monitoring"
    AUDIT = "audit"
    LINK = "link"
    VERSION = "version"
    GENERATED = "generated"
    LOCAL = "local"


_ENGINES = (
    "db|database|rds|aurora|dsql|docdb|documentdb|neptune|redshift|redshiftserverless|elasticache|"
    "memorydb|msk|kafka|redis|valkey|memcache|memcached|postgres|postgresql|pg|mysql|mariadb|mssql|"
    "sql|mongo|mongodb|mongodbatlas|cassandra|cosmosdb|opensearch|opensearchserverless|"
    "elasticsearch|cloudsearch|clickhouse|alloydb|spanner|bigtable|polardb|couchbase|mdb|kusto|"
    "synapse|hsm|qldb|timestreamwrite|keyspaces|dynamodb|filestore|rabbitmq|eventhub|servicebus|"
    "cloudhsm|aiven|lindorm|gaussdb|singlestore|cockroach|scylla"
)
_HOLDERS = (
    "instance|cluster|server|flexible_server|managed_instance|domain|account|service|"
    "namespace|replication_group|global_replication_group|global_cluster|serverless_cache|"
    "serverless_cluster|workspace|ledger|system|db_system|collection|elasticpool|sql_pool|"
    "autonomous_database|cache|enterprise_cluster|broker|v2_cluster"
)
_NOUNS = (
    "database|db|keyspace|bucket|volume|volumes|disk|queue|file_system|filesystem|file_share|"
    "storage_share|storage_account|storage_container|storage_table|"
    "snapshot|snapshot_copy|snapshot_import|"
    "backup|table|dataset|repository|container_registry|image_registry|"
    "kinesis_stream|kinesis_video_stream|kafka_topic|pubsub_topic|pubsub_lite_topic|"
    "servicebus_topic|pubsub_subscription|pubsub_lite_subscription|servicebus_subscription|"
    "eventhub|mq_broker|kms_key|kms_external_key|kms_replica_key|kms_replica_external_key|"
    "kms_crypto_key|kms_crypto_key_version|kms_key_ring|kms_vault|"
    "kms_symmetric_key|key_vault|key_vault_key|key_vault_secret|key_vault_certificate|"
    "managed_hardware_security_module|secretsmanager_secret|secret_manager_secret|"
    "secret_manager_regional_secret|kv_secret|generic_secret|vault_secret|"
    "dns_zone|dns_domain|route53_zone|managed_zone|cloudflare_zone|"
    "route53domains_registered_domain|backup_vault|air_gapped_vault|recovery_services_vault|"
    "glacier_vault|user_pool|service_directory|directory_service_directory|"
    "certificate_authority|app_configuration|search_service|workspaces_workspace|"
    "cloudtrail_event_data_store|feature_group|fhir_store|dicom_store|hl7_v2_store|"
    "workers_kv_namespace|elasticsearch_index|opensearch_index|"
    "persistent_volume|persistent_volume_claim|storage_virtual_machine|cosmosdb_gremlin_graph|"
    "cosmosdb_sql_container|cosmosdb_mongo_collection|cbs_storage|data_lake_store|managed_redis|vault_mount|kendra_index|"
    "vertex_ai_metadata_store|codeartifact_domain"
)
# Deleting one of these deletes all that is inside it.
_WHOLE = (
    r"azurerm_resource_group|google_project|google_folder|gitlab_project|gitlab_group|"
    r"aws_organizations_account|kubernetes_namespace|snowflake_schema|postgresql_schema|"
    r"digitalocean_domain|linode_domain|"
    r"\w+_(?:eks|k8s|kubernetes|nks|tke|gke|container|containerengine|cs_\w*kubernetes)_cluster|"
    r"\w+_cs_(?:managed_)?kubernetes"
)
_DATA = re.compile(
    rf"(?:{_WHOLE}|(?:\w+_)?(?:{_NOUNS})|(?:\w+_)?(?:{_ENGINES})(?:_[a-z0-9]+)*_(?:{_HOLDERS}))"
)
# Their last noun deceives: an Aurora instance computes over the cluster's storage, a route
# table routes, a batch queue holds references to definitions.
_NOT_DATA = re.compile(
    r"\w*(?:route_table|job_queue|media_convert_queue|mediaconvert_queue|connect_queue|"
    r"(?:rds|docdb|neptune)_cluster_instance|custom_db_engine_version|"
    r"dms_replication_instance|database_migration_service|service_discovery_instance|"
    r"private_dns_namespace|public_dns_namespace|sql_virtual_machine|sagemaker_domain)"
)
_LOGS = re.compile(
    r"\w+_(?:cloudwatch_log_group|cloudwatch_log_stream|log_analytics_workspace|log_group|"
    r"logging_\w+_bucket_config|log_project|logstore)"
)
_AUDIT = re.compile(
    r"\w+_(?:cloudtrail|guardduty_detector|securityhub_account|config_configuration_recorder|"
    r"config_configuration_recorder_status|config_delivery_channel|"
    r"(?:project|folder|organization)_iam_audit_config|security_center_subscription_pricing)"
)
_MONITORING = re.compile(
    r"(?:datadog|newrelic|pagerduty|opsgenie|grafana|signalfx|sumologic|logzio|statuscake|pingdom|"
    r"uptimerobot|checkly|sentry|honeycombio|dynatrace|splunk|betteruptime|victorops|instana|"
    r"appdynamics|coralogix|zabbix|elasticstack_kibana)_\w+"
    r"|\w+_(?:cloudwatch_\w*alarm|cloudwatch_dashboard|cloudwatch_log_metric_filter|"
    r"cloudwatch_metric_stream|cloudwatch_log_subscription_filter|flow_log|config_config_rule|"
    r"synthetics_canary|route53_health_check|monitoring_\w+|logging_metric|logging_\w*sink|"
    r"monitor_\w+|application_insights(?:_\w+)?|network_watcher_flow_log|alarm|alert_rule\w*|"
    r"cms_\w+|alert_policy|uptime_check|rum_app_monitor|flow_log_config)"
)
_PROTECTION = re.compile(
    r"\w+_(?:public_access_block|account_public_access_block|bucket_versioning|"
    r"bucket_server_side_encryption_configuration|bucket_object_lock_configuration|"
    r"bucket_replication_configuration|backup_plan|backup_policy|backup_selection|"
    r"backup_vault_lock_configuration|backup_vault_policy|backup_policy_\w+|backup_protected_\w+|"
    r"backup_schedule|snapshot_schedule|dlm_lifecycle_policy|wafv2_web_acl|waf_web_acl|"
    r"wafregional_web_acl|web_acl_association|web_application_firewall_policy|shield_protection|"
    r"management_lock|resource_manager_lien|network_policy|pod_disruption_budget|"
    r"organizations_policy|organizations_policy_attachment|compute_security_policy|"
    r"access_context_manager_service_perimeter|org_policy_policy|branch_protection\w*|"
    r"ebs_encryption_by_default|iam_account_password_policy|secretsmanager_secret_rotation|"
    r"automated_backups_replication|table_replica)"
)
_VERSION = re.compile(
    r"\w+_(?:ecs_task_definition|launch_configuration|launch_template|instance_template|"
    r"lambda_layer_version|api_gateway_deployment|apigatewayv2_deployment|secret_version|"
    r"batch_job_definition|sagemaker_model|sagemaker_endpoint_configuration|"
    r"documentation_version|cloud_run_revision|image_recipe|s3_object|s3_bucket_object|"
    r"storage_bucket_object|object_copy)"
)
_GENERATED = re.compile(r"(?:random|tls)_\w+")
_LOCAL = re.compile(
    r"(?:null|time|local|template|external|archive|cloudinit|http)_\w+"
    r"|terraform_data|external|http|terraform_remote_state"
)
_LINK = re.compile(
    r"\w+_(?:attachment|attachments|association|associations|assignment|binding|member|members|"
    r"membership|policy|policies|rule|rules|permission|permissions|parameter_group|subnet_group|"
    r"option_group|security_group_vpc_association|configuration|settings?|alias|grant|"
    r"notification|target|schedule|topic_subscription|instance_profile|acl|tag|tags|"
    r"documentation_part|method|method_response|method_settings|integration|"
    r"integration_response|mapping|gateway_account|lifecycle_hook|scalable_target|"
    r"appautoscaling_target|accepter|validation|key_pair)"
)


@lru_cache(maxsize=4096)
def class_of(resource_type: str) -> Class:
    """A type that nothing is known about counts as serving."""
    name = _REVISION.sub("", resource_type[:120].lower())
    for pattern, found in _IN_ORDER:
        if pattern.fullmatch(name):
            return found
    return Class.SERVING


_IN_ORDER: tuple[tuple[re.Pattern[str], Class], ...] = (
    (_LOCAL, Class.LOCAL),
    (_GENERATED, Class.GENERATED),
    (_VERSION, Class.VERSION),
    (_PROTECTION, Class.PROTECTION),
    (_AUDIT, Class.AUDIT),
    (_LOGS, Class.LOGS),
    (_NOT_DATA, Class.SERVING),
    (_DATA, Class.DATA),
    (_MONITORING, Class.MONITORING),
    (_LINK, Class.LINK),
)
_REVISION = re.compile(r"_v\d{1,2}$")
_LOST_FOR_GOOD = frozenset({Class.DATA, Class.LOGS})
_WIDE = re.compile(
    r"\w+_(?:vpc|virtual_network|compute_network|subnet|subnetwork|autoscaling_group|"
    r"instance_group_manager|scale_set|lb|alb|elb|load_balancer|application_gateway|firewall|"
    r"\w*gateway|\w*cluster|node_group|node_pool|nodepool|route_table|"
    r"cloudfront_distribution|frontdoor\w*|forwarding_rule|helm_release)"
)


def holds_data(resource_type: str) -> bool:
    return class_of(resource_type) is Class.DATA


def is_lost_for_good(resource_type: str) -> bool:
    return class_of(resource_type) in _LOST_FOR_GOOD


@lru_cache(maxsize=4096)
def is_wide(resource_type: str) -> bool:
    """Many other resources stand on it or behind it."""
    return _WIDE.fullmatch(resource_type[:120].lower()) is not None
