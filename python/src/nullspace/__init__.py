"""Nullspace: virtual machines for AI agents on your own host.

    from nullspace import Machine

    with Machine.create(template="base", timeout=300) as machine:
        result = machine.commands.run("python3 --version", shell=True)
        print(machine.id, result.stdout.strip())

``AsyncMachine`` is the same with ``await``. Every failure is a ``MachineError``.
"""

from ._async.background_command import AsyncBackgroundCommand
from ._async.commands import AsyncCommands
from ._async.events import AsyncLifecycleSubscription
from ._async.files import AsyncFiles
from ._async.git import AsyncGit
from ._async.host import AsyncHost, AsyncQuota
from ._async.keep_alive import AsyncKeepAlive
from ._async.lifecycle import AsyncLifecycle
from ._async.machine import AsyncMachine
from ._async.monitor import AsyncMonitor, AsyncMonitorSubscription
from ._async.pages import AsyncMachinePaginator
from ._async.pty import AsyncPty
from ._async.pty_session import AsyncPtySession
from ._async.snapshots import AsyncSnapshot
from ._async.templates import AsyncTemplate
from ._async.watch import AsyncWatchHandle
from ._exec_frames import OutputChunk
from ._files import (
    BatchWriteFailure,
    FileEvent,
    UploadUrl,
)
from ._git import (
    GitBranches,
    GitHttpsAuth,
    GitSshAuth,
    GitStatus,
)
from ._models import (
    CommandLogs,
    CommandResult,
    FileInfo,
    GarbageItem,
    GarbageReport,
    GitChangedFile,
    GitCommit,
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
    PtySessionInfo,
    QuotaLimits,
    QuotaState,
    QuotaUse,
    SearchMatch,
    SnapshotInfo,
    TemplateInfo,
    TemplateVisibility,
    TimeoutLease,
    UploadConflictPolicy,
    UploadKind,
    UploadLimits,
    UploadSessionInfo,
    UploadSessionStatus,
    UploadSourceKind,
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
from ._pty_frames import PtyResult
from ._run_once import RunOnceResult
from ._signature import verify_webhook_signature
from ._sync.background_command import BackgroundCommand
from ._sync.commands import Commands
from ._sync.events import LifecycleSubscription
from ._sync.files import Files
from ._sync.git import Git
from ._sync.host import Host, Quota
from ._sync.keep_alive import KeepAlive
from ._sync.lifecycle import Lifecycle
from ._sync.machine import Machine
from ._sync.monitor import Monitor, MonitorSubscription
from ._sync.pages import MachinePaginator
from ._sync.pty import Pty
from ._sync.pty_session import PtySession
from ._sync.snapshots import Snapshot
from ._sync.templates import Template
from ._sync.watch import WatchHandle
from ._transfers import (
    DownloadProgress,
    DownloadProgressPhase,
    DownloadResult,
    UploadProgress,
    UploadProgressPhase,
    UploadResult,
    UploadTransport,
)
from ._version import __version__
from .errors import (
    AuthError,
    BatchWriteError,
    BuildError,
    ConflictError,
    FileUploadError,
    GitError,
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
    "AsyncBackgroundCommand",
    "AsyncCommands",
    "AsyncFiles",
    "AsyncGit",
    "AsyncHost",
    "AsyncKeepAlive",
    "AsyncLifecycle",
    "AsyncLifecycleSubscription",
    "AsyncMachine",
    "AsyncMachinePaginator",
    "AsyncMonitor",
    "AsyncMonitorSubscription",
    "AsyncPty",
    "AsyncPtySession",
    "AsyncQuota",
    "AsyncSnapshot",
    "AsyncTemplate",
    "AsyncWatchHandle",
    "AuthError",
    "BackgroundCommand",
    "BatchWriteError",
    "BatchWriteFailure",
    "BuildError",
    "CommandLogs",
    "CommandResult",
    "Commands",
    "ConflictError",
    "DownloadProgress",
    "DownloadProgressPhase",
    "DownloadResult",
    "FileEvent",
    "FileInfo",
    "FileUploadError",
    "Files",
    "GarbageItem",
    "GarbageReport",
    "Git",
    "GitBranches",
    "GitChangedFile",
    "GitCommit",
    "GitError",
    "GitHttpsAuth",
    "GitSshAuth",
    "GitStatus",
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
    "OutputChunk",
    "PermissionError",
    "ProcessInfo",
    "Pty",
    "PtyResult",
    "PtySession",
    "PtySessionInfo",
    "Quota",
    "QuotaExceededError",
    "QuotaLimits",
    "QuotaState",
    "QuotaUse",
    "RateLimitError",
    "RunOnceResult",
    "SearchMatch",
    "Snapshot",
    "SnapshotInfo",
    "Template",
    "TemplateInfo",
    "TemplateVisibility",
    "TimeoutLease",
    "UploadChecksumError",
    "UploadConflictError",
    "UploadConflictPolicy",
    "UploadExpiredError",
    "UploadKind",
    "UploadLimitError",
    "UploadLimits",
    "UploadPathError",
    "UploadProgress",
    "UploadProgressPhase",
    "UploadResult",
    "UploadSessionInfo",
    "UploadSessionStatus",
    "UploadSourceKind",
    "UploadStateError",
    "UploadTransport",
    "UploadUrl",
    "WatchHandle",
    "__version__",
    "verify_webhook_signature",
]
