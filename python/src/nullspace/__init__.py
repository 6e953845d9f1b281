"""Nullspace: virtual machines for AI agents on your own host.

    from nullspace import Machine

    with Machine.create(template="base", timeout=300) as machine:
        result = machine.commands.run("python3 --version", shell=True)
        print(machine.id, result.stdout.strip())

``AsyncMachine`` is the same with ``await``. Every failure is a ``MachineError``.
"""

from ._async.commands import AsyncCommands
from ._async.events import AsyncLifecycleSubscription
from ._async.host import AsyncHost, AsyncQuota
from ._async.keep_alive import AsyncKeepAlive
from ._async.lifecycle import AsyncLifecycle
from ._async.machine import AsyncMachine
from ._async.monitor import AsyncMonitor, AsyncMonitorSubscription
from ._async.pages import AsyncMachinePaginator
from ._async.snapshots import AsyncSnapshot
from ._async.templates import AsyncTemplate
from ._models import (
    CommandResult,
    GarbageItem,
    GarbageReport,
    HostSample,
    HostStatus,
    LifecycleActorKind,
    LifecycleAudience,
    LifecycleEvent,
    LifecycleEventListResponse,
    LifecycleOperation,
    LifecycleStatus,
    LifecycleWebhookDeliveryAttemptInfo,
    LifecycleWebhookDeliveryDetail,
    LifecycleWebhookDeliveryInfo,
    LifecycleWebhookDeliveryStatus,
    LifecycleWebhookInfo,
    Lineage,
    LineageNode,
    MachineConfig,
    MachineInfo,
    MachineMetrics,
    MachineStatus,
    MachineTimeoutAction,
    QuotaLimits,
    QuotaState,
    QuotaUse,
    SnapshotInfo,
    TemplateInfo,
    TemplateVisibility,
    TimeoutLease,
)
from ._monitor_frames import (
    MonitorErrorEvent,
    MonitorMetricsEvent,
    MonitorProcessesEvent,
    MonitorSnapshotEvent,
    MonitorUpdateEvent,
    ProcessInfo,
)
from ._operations.events import LifecycleStreamError
from ._operations.machines import MachineQuery
from ._run_once import RunOnceResult
from ._signature import verify_webhook_signature
from ._sync.commands import Commands
from ._sync.events import LifecycleSubscription
from ._sync.host import Host, Quota
from ._sync.keep_alive import KeepAlive
from ._sync.lifecycle import Lifecycle
from ._sync.machine import Machine
from ._sync.monitor import Monitor, MonitorSubscription
from ._sync.pages import MachinePaginator
from ._sync.snapshots import Snapshot
from ._sync.templates import Template
from ._version import __version__
from .errors import (
    AuthError,
    BuildError,
    ConflictError,
    FileUploadError,
    MachineError,
    NotFoundError,
    NotImplementedError,
    PermissionError,
    QuotaExceededError,
    RateLimitError,
    UploadChecksumError,
    UploadConflictError,
    UploadExpiredError,
    UploadLimitError,
    UploadPathError,
    UploadStateError,
)

__all__ = [
    "AsyncCommands",
    "AsyncHost",
    "AsyncKeepAlive",
    "AsyncLifecycle",
    "AsyncLifecycleSubscription",
    "AsyncMachine",
    "AsyncMachinePaginator",
    "AsyncMonitor",
    "AsyncMonitorSubscription",
    "AsyncQuota",
    "AsyncSnapshot",
    "AsyncTemplate",
    "AuthError",
    "BuildError",
    "CommandResult",
    "Commands",
    "ConflictError",
    "FileUploadError",
    "GarbageItem",
    "GarbageReport",
    "Host",
    "HostSample",
    "HostStatus",
    "KeepAlive",
    "Lifecycle",
    "LifecycleActorKind",
    "LifecycleAudience",
    "LifecycleEvent",
    "LifecycleEventListResponse",
    "LifecycleOperation",
    "LifecycleStatus",
    "LifecycleStreamError",
    "LifecycleSubscription",
    "LifecycleWebhookDeliveryAttemptInfo",
    "LifecycleWebhookDeliveryDetail",
    "LifecycleWebhookDeliveryInfo",
    "LifecycleWebhookDeliveryStatus",
    "LifecycleWebhookInfo",
    "Lineage",
    "LineageNode",
    "Machine",
    "MachineConfig",
    "MachineError",
    "MachineInfo",
    "MachineMetrics",
    "MachinePaginator",
    "MachineQuery",
    "MachineStatus",
    "MachineTimeoutAction",
    "Monitor",
    "MonitorErrorEvent",
    "MonitorMetricsEvent",
    "MonitorProcessesEvent",
    "MonitorSnapshotEvent",
    "MonitorSubscription",
    "MonitorUpdateEvent",
    "NotFoundError",
    "NotImplementedError",
    "PermissionError",
    "ProcessInfo",
    "Quota",
    "QuotaExceededError",
    "QuotaLimits",
    "QuotaState",
    "QuotaUse",
    "RateLimitError",
    "RunOnceResult",
    "Snapshot",
    "SnapshotInfo",
    "Template",
    "TemplateInfo",
    "TemplateVisibility",
    "TimeoutLease",
    "UploadChecksumError",
    "UploadConflictError",
    "UploadExpiredError",
    "UploadLimitError",
    "UploadPathError",
    "UploadStateError",
    "__version__",
    "verify_webhook_signature",
]
