"""The names that may stand in a template: honoured elsewhere, without meaning here, or refused by name."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAPPING_LATER = {
    "FilterCriteria": "filters",
    "KmsKeyArn": "encrypted filters",
    "KMSKeyArn": "encrypted filters",
    "MetricsConfig": "metrics of a mapping",
    "ProvisionedPollerConfig": "provisioned pollers",
}
"""Settings of a queue mapping that AWS has and a later version of Headrace will have, and what they are for."""

MAPPING_NOT_FOR_QUEUES = _words(
    "AmazonManagedKafkaEventSourceConfig BisectBatchOnFunctionError ConsumerGroupId DestinationConfig "
    "DocumentDBEventSourceConfig LoggingConfig MaximumRecordAgeInSeconds MaximumRetryAttempts ParallelizationFactor "
    "Queues SchemaRegistryConfig SelfManagedEventSource SelfManagedKafkaEventSourceConfig SourceAccessConfigurations "
    "StartingPosition StartingPositionTimestamp Topics TumblingWindowInSeconds"
)
"""Settings that AWS has for other sources and refuses for a queue."""

MAPPING_WITHOUT_MEANING = _words("Tags")

QUEUE_WITHOUT_MEANING = _words(
    "KmsDataKeyReusePeriodSeconds KmsMasterKeyId ReceiveMessageWaitTimeSeconds SqsManagedSseEnabled Tags"
)

QUEUE_LATER = _words("ContentBasedDeduplication DeduplicationScope FifoQueue FifoThroughputLimit")
"""Properties of FIFO queues."""

FUNCTION_WITHOUT_MEANING = _words(
    "Architectures AssumeRolePolicyDocument AutoPublishAlias AutoPublishAliasAllProperties AutoPublishCodeSha256 "
    "CapacityProviderConfig CodeSigningConfigArn DeadLetterConfig DeadLetterQueue DeploymentPreference Description "
    "DurableConfig EphemeralStorage EventInvokeConfig FunctionScalingConfig FunctionUrlConfig KmsKeyArn LoggingConfig "
    "PermissionsBoundary Policies PropagateTags ProvisionedConcurrencyConfig PublishToLatestPublished RecursiveLoop "
    "Role RolePath RuntimeManagementConfig SnapStart SourceKMSKeyArn Tags TenancyConfig Tracing TracingConfig "
    "VersionDeletionPolicy VersionDescription VpcConfig"
)

FUNCTION_LOST = {
    "Layers": "layers are not put on the import path; install what they hold where the function's Python finds it",
    "FileSystemConfigs": "file systems are not mounted; make the path exist on this machine if the handler needs it",
}
"""Properties that change what a handler finds, and that are not carried out: each is a warning."""

EVENTS_LATER = _words("DocumentDB DynamoDB Kinesis MQ MSK S3 SelfManagedKafka")
"""SAM event types that make a mapping, or a push source, and that a later version will read."""

EVENTS_PASSED_OVER = _words(
    "AlexaSkill Api CloudWatchEvent CloudWatchLogs Cognito EventBridgeRule HttpApi IoTRule SNS Schedule ScheduleV2 "
    "WebSocket"
)

TEMPLATE_KEYS = _words(
    "AWSTemplateFormatVersion Conditions Description Globals Hooks Mappings Metadata Outputs Parameters Resources "
    "Rules Transform"
)

RESOURCE_KEYS = _words(
    "Condition Connectors CreationPolicy DeletionPolicy DependsOn IgnoreGlobals Metadata Properties Type UpdatePolicy "
    "UpdateReplacePolicy"
)

# AWS: the developer guide's list.
RESERVED_VARIABLES = _words(
    "_HANDLER _X_AMZN_TRACE_ID AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV "
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION "
    "AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API "
    "AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT"
)
"""Environment variables that Lambda sets itself."""
