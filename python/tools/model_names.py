"""Which models the package has and what they are called; for gen_models.py."""

from __future__ import annotations

# Component in the document -> class in Python, where the names are those of the published client.
ROOTS = {
    "ExecResult": "CommandResult",
    "MachineInfo": "MachineInfo",
    "TemplateInfo": "TemplateInfo",
    "SnapshotInfo": "SnapshotInfo",
    "TimeoutLease": "TimeoutLease",
    "LifecycleEvent": "LifecycleEvent",
    "LifecycleEventList": "LifecycleEventListResponse",
    "WebhookInfo": "LifecycleWebhookInfo",
    "DeliveryInfo": "LifecycleWebhookDeliveryInfo",
    "DeliveryAttempt": "LifecycleWebhookDeliveryAttemptInfo",
    "MachineMetrics": "MachineMetrics",
    "HostSample": "HostSample",
    "Quota": "QuotaLimits",
    "QuotaState": "QuotaState",
    "HostStatus": "HostStatus",
    "FileInfo": "FileInfo",
    "SearchMatch": "SearchMatch",
    "UploadSession": "UploadSessionInfo",
}

# Operation -> class of its answer, for answers that are no component.
ANSWERS = {
    "getLifecycleWebhookDelivery": "LifecycleWebhookDeliveryDetail",
    "getLineage": "Lineage",
    "collectGarbage": "GarbageReport",
    "completeUploadSession": "CompleteUploadResponse",
    "gitStatus": "GitStatusReport",
    "gitLog": "GitHistory",
    "getProcessLogs": "CommandLogs",
    "getPtySession": "PtySessionInfo",
}

# Name by place -> name, for what is inlined in the document or means the same in several places.
NAMES = {
    "CompleteUploadResponseSession": "UploadSessionInfo",
    "GarbageReportItemsItem": "GarbageItem",
    "GitHistoryCommitsItem": "GitCommit",
    "GitStatusReportChangedItem": "GitChangedFile",
    "HostStatusChecksItem": "HostCheck",
    "HostStatusShapesItem": "HostShape",
    "LifecycleEventListResponseEventsItem": "LifecycleEvent",
    "LifecycleEventActorKind": "LifecycleActorKind",
    "LifecycleEventAudience": "LifecycleAudience",
    "LifecycleEventOperation": "LifecycleOperation",
    "LifecycleEventStatus": "LifecycleStatus",
    "LifecycleWebhookDeliveryDeliveryStatus": "LifecycleWebhookDeliveryStatus",
    "LifecycleWebhookDeliveryDetailAttemptsItem": "LifecycleWebhookDeliveryAttemptInfo",
    "LifecycleWebhookDeliveryDetailDelivery": "LifecycleWebhookDeliveryInfo",
    "LifecycleWebhookDeliveryDetailEvent": "LifecycleEvent",
    "LifecycleWebhookDeliveryOperation": "LifecycleOperation",
    # After the model LifecycleWebhookDeliveryInfo, not the enum of the same name.
    "LifecycleWebhookDeliveryStatus": "LifecycleStatus",
    "LifecycleWebhookLastDeliveryStatus": "LifecycleWebhookDeliveryStatus",
    "LifecycleWebhookOperationsItem": "LifecycleOperation",
    "LineageNodesItem": "LineageNode",
    "LineageNodeStatus": "MachineStatus",
    "QuotaStateLimits": "QuotaLimits",
    "QuotaStateUsed": "QuotaUse",
    "TimeoutLeaseTimeoutAction": "MachineTimeoutAction",
    "UploadSessionConflict": "UploadConflictPolicy",
    "UploadSessionKind": "UploadKind",
    "UploadSessionLimits": "UploadLimits",
    "UploadSessionSourceKind": "UploadSourceKind",
}
