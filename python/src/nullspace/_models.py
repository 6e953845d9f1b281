"""Generated from openapi/openapi.json by tools/gen_models.py; do not edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import _wire
from ._wire import OpenEnum


class FileType(OpenEnum):
    """Known values of a ``FileType``."""

    FILE = "file"
    DIR = "dir"
    SYMLINK = "symlink"
    OTHER = "other"


class GarbageItemKind(OpenEnum):
    """Known values of a ``GarbageItemKind``."""

    MACHINE = "machine"
    SNAPSHOT = "snapshot"
    TEMPLATE = "template"
    VM = "vm"
    SLOT = "slot"
    BUILD = "build"
    UPLOAD = "upload"


class HostCheckLevel(OpenEnum):
    """Known values of a ``HostCheckLevel``."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    FAILURE = "failure"


class HostShapeState(OpenEnum):
    """Known values of a ``HostShapeState``."""

    READY = "ready"
    BUILDING = "building"
    FAILED = "failed"
    ABSENT = "absent"


class LifecycleActorKind(OpenEnum):
    """Known values of a ``LifecycleActorKind``."""

    USER = "user"
    SYSTEM = "system"
    RECONCILE = "reconcile"


class LifecycleAudience(OpenEnum):
    """Known values of a ``LifecycleAudience``."""

    CUSTOMER = "customer"
    INTERNAL = "internal"


class LifecycleOperation(OpenEnum):
    """Known values of a ``LifecycleOperation``."""

    CREATE = "create"
    DESTROY = "destroy"
    TIMEOUT_UPDATED = "timeout_updated"
    TIMEOUT_EXPIRED = "timeout_expired"
    HIBERNATE = "hibernate"
    SNAPSHOT_CREATED = "snapshot_created"
    RESUME_FROM_SNAPSHOT = "resume_from_snapshot"
    FORK = "fork"
    RECONCILE = "reconcile"


class LifecycleStatus(OpenEnum):
    """Known values of a ``LifecycleStatus``."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class LifecycleWebhookDeliveryStatus(OpenEnum):
    """Known values of a ``LifecycleWebhookDeliveryStatus``."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    DEAD_LETTER = "dead_letter"


class LineageNodeOrigin(OpenEnum):
    """Known values of a ``LineageNodeOrigin``."""

    TEMPLATE = "template"
    SNAPSHOT = "snapshot"
    FORK = "fork"


class MachineStatus(OpenEnum):
    """Known values of a ``MachineStatus``."""

    CREATING = "creating"
    RUNNING = "running"
    PAUSED = "paused"
    DESTROYED = "destroyed"
    ERROR = "error"


class MachineTimeoutAction(OpenEnum):
    """Known values of a ``MachineTimeoutAction``."""

    DESTROY = "destroy"
    HIBERNATE = "hibernate"


class TemplateVisibility(OpenEnum):
    """Known values of a ``TemplateVisibility``."""

    PUBLIC = "public"
    PRIVATE = "private"


class UploadConflictPolicy(OpenEnum):
    """Known values of a ``UploadConflictPolicy``."""

    MERGE = "merge"
    REPLACE = "replace"
    ERROR = "error"


class UploadKind(OpenEnum):
    """Known values of a ``UploadKind``."""

    FILE = "file"
    DIRECTORY_TAR = "directory_tar"


class UploadSessionStatus(OpenEnum):
    """Known values of a ``UploadSessionStatus``."""

    CREATED = "created"
    UPLOADING = "uploading"
    STAGED = "staged"
    COMPLETING = "completing"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"
    FAILED = "failed"


class UploadSourceKind(OpenEnum):
    """Known values of a ``UploadSourceKind``."""

    RESTARTABLE_FILE = "restartable_file"
    SPOOLED_STREAM = "spooled_stream"
    DIRECTORY_ARCHIVE = "directory_archive"


@dataclass(frozen=True)
class CommandLogs:
    """A ``CommandLogs`` as the daemon sends it."""

    stdout: str
    stderr: str
    output: str
    exit_code: int | None
    dropped_bytes: int | None = None
    stdout_kept_bytes: int | None = None
    stderr_kept_bytes: int | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "CommandLogs") -> CommandLogs:
        source = _wire.fields(value, where)
        return cls(
            stdout=_wire.required(source, "stdout", _wire.string, where),
            stderr=_wire.required(source, "stderr", _wire.string, where),
            output=_wire.required(source, "output", _wire.string, where),
            exit_code=_wire.required(source, "exit_code", _wire.nullable(_wire.integer), where),
            dropped_bytes=_wire.optional(source, "dropped_bytes", _wire.integer, where),
            stdout_kept_bytes=_wire.optional(source, "stdout_kept_bytes", _wire.integer, where),
            stderr_kept_bytes=_wire.optional(source, "stderr_kept_bytes", _wire.integer, where),
        )


@dataclass(frozen=True)
class CommandResult:
    """A ``CommandResult`` as the daemon sends it."""

    exit_code: int
    stdout: str
    stderr: str
    pid: int
    stdout_dropped_bytes: int | None = None
    stderr_dropped_bytes: int | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "CommandResult") -> CommandResult:
        source = _wire.fields(value, where)
        return cls(
            exit_code=_wire.required(source, "exit_code", _wire.integer, where),
            stdout=_wire.required(source, "stdout", _wire.string, where),
            stderr=_wire.required(source, "stderr", _wire.string, where),
            pid=_wire.required(source, "pid", _wire.integer, where),
            stdout_dropped_bytes=_wire.optional(source, "stdout_dropped_bytes", _wire.integer, where),
            stderr_dropped_bytes=_wire.optional(source, "stderr_dropped_bytes", _wire.integer, where),
        )


@dataclass(frozen=True)
class CompleteUploadResponse:
    """A ``CompleteUploadResponse`` as the daemon sends it."""

    session: UploadSessionInfo
    published_bytes: int
    published_file_count: int

    @classmethod
    def from_wire(cls, value: object, where: str = "CompleteUploadResponse") -> CompleteUploadResponse:
        source = _wire.fields(value, where)
        return cls(
            session=_wire.required(source, "session", UploadSessionInfo.from_wire, where),
            published_bytes=_wire.required(source, "published_bytes", _wire.integer, where),
            published_file_count=_wire.required(source, "published_file_count", _wire.integer, where),
        )


@dataclass(frozen=True)
class FileInfo:
    """A ``FileInfo`` as the daemon sends it."""

    name: str
    path: str
    is_dir: bool
    size: int
    type: FileType
    mode: str
    permissions: str
    owner: str
    group: str
    modified_time: datetime
    symlink_target: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "FileInfo") -> FileInfo:
        source = _wire.fields(value, where)
        return cls(
            name=_wire.required(source, "name", _wire.string, where),
            path=_wire.required(source, "path", _wire.string, where),
            is_dir=_wire.required(source, "is_dir", _wire.boolean, where),
            size=_wire.required(source, "size", _wire.integer, where),
            type=_wire.required(source, "type", _wire.enum(FileType), where),
            mode=_wire.required(source, "mode", _wire.string, where),
            permissions=_wire.required(source, "permissions", _wire.string, where),
            owner=_wire.required(source, "owner", _wire.string, where),
            group=_wire.required(source, "group", _wire.string, where),
            modified_time=_wire.required(source, "modified_time", _wire.timestamp, where),
            symlink_target=_wire.optional(source, "symlink_target", _wire.string, where),
        )


@dataclass(frozen=True)
class GarbageItem:
    """A ``GarbageItem`` as the daemon sends it."""

    kind: GarbageItemKind
    name: str
    bytes: int
    reason: str

    @classmethod
    def from_wire(cls, value: object, where: str = "GarbageItem") -> GarbageItem:
        source = _wire.fields(value, where)
        return cls(
            kind=_wire.required(source, "kind", _wire.enum(GarbageItemKind), where),
            name=_wire.required(source, "name", _wire.string, where),
            bytes=_wire.required(source, "bytes", _wire.integer, where),
            reason=_wire.required(source, "reason", _wire.string, where),
        )


@dataclass(frozen=True)
class GarbageReport:
    """A ``GarbageReport`` as the daemon sends it."""

    dry_run: bool
    items: list[GarbageItem]

    @classmethod
    def from_wire(cls, value: object, where: str = "GarbageReport") -> GarbageReport:
        source = _wire.fields(value, where)
        return cls(
            dry_run=_wire.required(source, "dry_run", _wire.boolean, where),
            items=_wire.required(source, "items", _wire.array(GarbageItem.from_wire), where),
        )


@dataclass(frozen=True)
class GitChangedFile:
    """A ``GitChangedFile`` as the daemon sends it."""

    path: str
    status: str
    staged: bool
    unstaged: bool
    original_path: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "GitChangedFile") -> GitChangedFile:
        source = _wire.fields(value, where)
        return cls(
            path=_wire.required(source, "path", _wire.string, where),
            status=_wire.required(source, "status", _wire.string, where),
            staged=_wire.required(source, "staged", _wire.boolean, where),
            unstaged=_wire.required(source, "unstaged", _wire.boolean, where),
            original_path=_wire.optional(source, "original_path", _wire.string, where),
        )


@dataclass(frozen=True)
class GitCommit:
    """A ``GitCommit`` as the daemon sends it."""

    sha: str
    author_name: str
    author_email: str
    date: str
    message: str

    @classmethod
    def from_wire(cls, value: object, where: str = "GitCommit") -> GitCommit:
        source = _wire.fields(value, where)
        return cls(
            sha=_wire.required(source, "sha", _wire.string, where),
            author_name=_wire.required(source, "author_name", _wire.string, where),
            author_email=_wire.required(source, "author_email", _wire.string, where),
            date=_wire.required(source, "date", _wire.string, where),
            message=_wire.required(source, "message", _wire.string, where),
        )


@dataclass(frozen=True)
class GitHistory:
    """A ``GitHistory`` as the daemon sends it."""

    commits: list[GitCommit]

    @classmethod
    def from_wire(cls, value: object, where: str = "GitHistory") -> GitHistory:
        source = _wire.fields(value, where)
        return cls(
            commits=_wire.required(source, "commits", _wire.array(GitCommit.from_wire), where),
        )


@dataclass(frozen=True)
class GitStatusReport:
    """A ``GitStatusReport`` as the daemon sends it."""

    detached: bool
    clean: bool
    changed: list[GitChangedFile]
    branch: str | None = None
    ahead: int | None = None
    behind: int | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "GitStatusReport") -> GitStatusReport:
        source = _wire.fields(value, where)
        return cls(
            detached=_wire.required(source, "detached", _wire.boolean, where),
            clean=_wire.required(source, "clean", _wire.boolean, where),
            changed=_wire.required(source, "changed", _wire.array(GitChangedFile.from_wire), where),
            branch=_wire.optional(source, "branch", _wire.string, where),
            ahead=_wire.optional(source, "ahead", _wire.integer, where),
            behind=_wire.optional(source, "behind", _wire.integer, where),
        )


@dataclass(frozen=True)
class HostCheck:
    """A ``HostCheck`` as the daemon sends it."""

    name: str
    level: HostCheckLevel
    found: str
    fix: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "HostCheck") -> HostCheck:
        source = _wire.fields(value, where)
        return cls(
            name=_wire.required(source, "name", _wire.string, where),
            level=_wire.required(source, "level", _wire.enum(HostCheckLevel), where),
            found=_wire.required(source, "found", _wire.string, where),
            fix=_wire.optional(source, "fix", _wire.string, where),
        )


@dataclass(frozen=True)
class HostSample:
    """A ``HostSample`` as the daemon sends it."""

    timestamp: datetime
    cpu_percent: float
    memory_bytes: int
    disk_bytes: int

    @classmethod
    def from_wire(cls, value: object, where: str = "HostSample") -> HostSample:
        source = _wire.fields(value, where)
        return cls(
            timestamp=_wire.required(source, "timestamp", _wire.timestamp, where),
            cpu_percent=_wire.required(source, "cpu_percent", _wire.number, where),
            memory_bytes=_wire.required(source, "memory_bytes", _wire.integer, where),
            disk_bytes=_wire.required(source, "disk_bytes", _wire.integer, where),
        )


@dataclass(frozen=True)
class HostShape:
    """A ``HostShape`` as the daemon sends it."""

    template: str
    vcpus: int
    memory_mb: int
    state: HostShapeState
    detail: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "HostShape") -> HostShape:
        source = _wire.fields(value, where)
        return cls(
            template=_wire.required(source, "template", _wire.string, where),
            vcpus=_wire.required(source, "vcpus", _wire.integer, where),
            memory_mb=_wire.required(source, "memory_mb", _wire.integer, where),
            state=_wire.required(source, "state", _wire.enum(HostShapeState), where),
            detail=_wire.optional(source, "detail", _wire.string, where),
        )


@dataclass(frozen=True)
class HostStatus:
    """A ``HostStatus`` as the daemon sends it."""

    version: str
    driver: str
    accelerator: str
    pid: int
    started_at: datetime
    shapes: list[HostShape]
    machines: HostStatusMachines
    checks: list[HostCheck]

    @classmethod
    def from_wire(cls, value: object, where: str = "HostStatus") -> HostStatus:
        source = _wire.fields(value, where)
        return cls(
            version=_wire.required(source, "version", _wire.string, where),
            driver=_wire.required(source, "driver", _wire.string, where),
            accelerator=_wire.required(source, "accelerator", _wire.string, where),
            pid=_wire.required(source, "pid", _wire.integer, where),
            started_at=_wire.required(source, "started_at", _wire.timestamp, where),
            shapes=_wire.required(source, "shapes", _wire.array(HostShape.from_wire), where),
            machines=_wire.required(source, "machines", HostStatusMachines.from_wire, where),
            checks=_wire.required(source, "checks", _wire.array(HostCheck.from_wire), where),
        )


@dataclass(frozen=True)
class HostStatusMachines:
    """A ``HostStatusMachines`` as the daemon sends it."""

    running: int
    creating: int
    paused: int
    error: int

    @classmethod
    def from_wire(cls, value: object, where: str = "HostStatusMachines") -> HostStatusMachines:
        source = _wire.fields(value, where)
        return cls(
            running=_wire.required(source, "running", _wire.integer, where),
            creating=_wire.required(source, "creating", _wire.integer, where),
            paused=_wire.required(source, "paused", _wire.integer, where),
            error=_wire.required(source, "error", _wire.integer, where),
        )


@dataclass(frozen=True)
class LifecycleEvent:
    """A ``LifecycleEvent`` as the daemon sends it."""

    id: str
    occurred_at: datetime
    audience: LifecycleAudience
    operation: LifecycleOperation
    status: LifecycleStatus
    actor_kind: LifecycleActorKind
    metadata: dict[str, Any]
    machine_id: str | None = None
    snapshot_id: str | None = None
    source_machine_id: str | None = None
    target_machine_id: str | None = None
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleEvent") -> LifecycleEvent:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            occurred_at=_wire.required(source, "occurred_at", _wire.timestamp, where),
            audience=_wire.required(source, "audience", _wire.enum(LifecycleAudience), where),
            operation=_wire.required(source, "operation", _wire.enum(LifecycleOperation), where),
            status=_wire.required(source, "status", _wire.enum(LifecycleStatus), where),
            actor_kind=_wire.required(source, "actor_kind", _wire.enum(LifecycleActorKind), where),
            metadata=_wire.required(source, "metadata", _wire.mapping(_wire.anything), where),
            machine_id=_wire.optional(source, "machine_id", _wire.string, where),
            snapshot_id=_wire.optional(source, "snapshot_id", _wire.string, where),
            source_machine_id=_wire.optional(source, "source_machine_id", _wire.string, where),
            target_machine_id=_wire.optional(source, "target_machine_id", _wire.string, where),
            reason=_wire.optional(source, "reason", _wire.string, where),
            error_code=_wire.optional(source, "error_code", _wire.string, where),
            error_message=_wire.optional(source, "error_message", _wire.string, where),
        )


@dataclass(frozen=True)
class LifecycleEventListResponse:
    """A ``LifecycleEventListResponse`` as the daemon sends it."""

    events: list[LifecycleEvent]
    offset: int
    limit: int
    has_more: bool

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleEventListResponse") -> LifecycleEventListResponse:
        source = _wire.fields(value, where)
        return cls(
            events=_wire.required(source, "events", _wire.array(LifecycleEvent.from_wire), where),
            offset=_wire.required(source, "offset", _wire.integer, where),
            limit=_wire.required(source, "limit", _wire.integer, where),
            has_more=_wire.required(source, "has_more", _wire.boolean, where),
        )


@dataclass(frozen=True)
class LifecycleWebhookDeliveryAttemptInfo:
    """A ``LifecycleWebhookDeliveryAttemptInfo`` as the daemon sends it."""

    id: str
    delivery_id: str
    attempt_number: int
    attempted_at: datetime
    duration_ms: int
    response_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleWebhookDeliveryAttemptInfo") -> LifecycleWebhookDeliveryAttemptInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            delivery_id=_wire.required(source, "delivery_id", _wire.string, where),
            attempt_number=_wire.required(source, "attempt_number", _wire.integer, where),
            attempted_at=_wire.required(source, "attempted_at", _wire.timestamp, where),
            duration_ms=_wire.required(source, "duration_ms", _wire.integer, where),
            response_status=_wire.optional(source, "response_status", _wire.integer, where),
            error_code=_wire.optional(source, "error_code", _wire.string, where),
            error_message=_wire.optional(source, "error_message", _wire.string, where),
        )


@dataclass(frozen=True)
class LifecycleWebhookDeliveryDetail:
    """A ``LifecycleWebhookDeliveryDetail`` as the daemon sends it."""

    delivery: LifecycleWebhookDeliveryInfo
    event: LifecycleEvent
    attempts: list[LifecycleWebhookDeliveryAttemptInfo]

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleWebhookDeliveryDetail") -> LifecycleWebhookDeliveryDetail:
        source = _wire.fields(value, where)
        return cls(
            delivery=_wire.required(source, "delivery", LifecycleWebhookDeliveryInfo.from_wire, where),
            event=_wire.required(source, "event", LifecycleEvent.from_wire, where),
            attempts=_wire.required(source, "attempts", _wire.array(LifecycleWebhookDeliveryAttemptInfo.from_wire), where),
        )


@dataclass(frozen=True)
class LifecycleWebhookDeliveryInfo:
    """A ``LifecycleWebhookDeliveryInfo`` as the daemon sends it."""

    id: str
    webhook_id: str
    event_id: str
    operation: LifecycleOperation
    status: LifecycleStatus
    delivery_status: LifecycleWebhookDeliveryStatus
    attempt_count: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_response_status: int | None = None
    last_error: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleWebhookDeliveryInfo") -> LifecycleWebhookDeliveryInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            webhook_id=_wire.required(source, "webhook_id", _wire.string, where),
            event_id=_wire.required(source, "event_id", _wire.string, where),
            operation=_wire.required(source, "operation", _wire.enum(LifecycleOperation), where),
            status=_wire.required(source, "status", _wire.enum(LifecycleStatus), where),
            delivery_status=_wire.required(source, "delivery_status", _wire.enum(LifecycleWebhookDeliveryStatus), where),
            attempt_count=_wire.required(source, "attempt_count", _wire.integer, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            next_attempt_at=_wire.optional(source, "next_attempt_at", _wire.timestamp, where),
            last_attempt_at=_wire.optional(source, "last_attempt_at", _wire.timestamp, where),
            last_response_status=_wire.optional(source, "last_response_status", _wire.integer, where),
            last_error=_wire.optional(source, "last_error", _wire.string, where),
        )


@dataclass(frozen=True)
class LifecycleWebhookInfo:
    """A ``LifecycleWebhookInfo`` as the daemon sends it."""

    id: str
    url: str
    operations: list[LifecycleOperation]
    enabled: bool
    has_signing_secret: bool
    created_at: datetime
    updated_at: datetime
    last_delivery_at: datetime | None = None
    last_delivery_status: LifecycleWebhookDeliveryStatus | None = None
    last_error: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "LifecycleWebhookInfo") -> LifecycleWebhookInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            url=_wire.required(source, "url", _wire.string, where),
            operations=_wire.required(source, "operations", _wire.array(_wire.enum(LifecycleOperation)), where),
            enabled=_wire.required(source, "enabled", _wire.boolean, where),
            has_signing_secret=_wire.required(source, "has_signing_secret", _wire.boolean, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            updated_at=_wire.required(source, "updated_at", _wire.timestamp, where),
            last_delivery_at=_wire.optional(source, "last_delivery_at", _wire.timestamp, where),
            last_delivery_status=_wire.optional(source, "last_delivery_status", _wire.enum(LifecycleWebhookDeliveryStatus), where),
            last_error=_wire.optional(source, "last_error", _wire.string, where),
        )


@dataclass(frozen=True)
class Lineage:
    """A ``Lineage`` as the daemon sends it."""

    machine_id: str
    root_machine_id: str
    nodes: list[LineageNode]

    @classmethod
    def from_wire(cls, value: object, where: str = "Lineage") -> Lineage:
        source = _wire.fields(value, where)
        return cls(
            machine_id=_wire.required(source, "machine_id", _wire.string, where),
            root_machine_id=_wire.required(source, "root_machine_id", _wire.string, where),
            nodes=_wire.required(source, "nodes", _wire.array(LineageNode.from_wire), where),
        )


@dataclass(frozen=True)
class LineageNode:
    """A ``LineageNode`` as the daemon sends it."""

    machine_id: str
    origin: LineageNodeOrigin
    status: MachineStatus
    template: str
    created_at: datetime
    parent_machine_id: str | None = None
    snapshot_id: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "LineageNode") -> LineageNode:
        source = _wire.fields(value, where)
        return cls(
            machine_id=_wire.required(source, "machine_id", _wire.string, where),
            origin=_wire.required(source, "origin", _wire.enum(LineageNodeOrigin), where),
            status=_wire.required(source, "status", _wire.enum(MachineStatus), where),
            template=_wire.required(source, "template", _wire.string, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            parent_machine_id=_wire.optional(source, "parent_machine_id", _wire.string, where),
            snapshot_id=_wire.optional(source, "snapshot_id", _wire.string, where),
        )


@dataclass(frozen=True)
class MachineConfig:
    """A ``MachineConfig`` as the daemon sends it."""

    vcpus: int
    memory_mb: int
    disk_mb: int

    @classmethod
    def from_wire(cls, value: object, where: str = "MachineConfig") -> MachineConfig:
        source = _wire.fields(value, where)
        return cls(
            vcpus=_wire.required(source, "vcpus", _wire.integer, where),
            memory_mb=_wire.required(source, "memory_mb", _wire.integer, where),
            disk_mb=_wire.required(source, "disk_mb", _wire.integer, where),
        )


@dataclass(frozen=True)
class MachineInfo:
    """A ``MachineInfo`` as the daemon sends it."""

    id: str
    status: MachineStatus
    config: MachineConfig
    template: str
    created_at: datetime
    metadata: dict[str, Any]
    timeout_ms: int
    timeout_action: MachineTimeoutAction
    ephemeral: bool
    cwd: str
    auto_resume: bool
    started_at: datetime | None = None
    timeout_at: datetime | None = None
    expires_at: datetime | None = None
    remaining_ms: int | None = None
    last_active_at: datetime | None = None
    inactivity_timeout_ms: int | None = None
    auto_delete_after_ms: int | None = None
    snapshot_id: str | None = None
    parent_machine_id: str | None = None
    source_snapshot_id: str | None = None
    error_reason: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "MachineInfo") -> MachineInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            status=_wire.required(source, "status", _wire.enum(MachineStatus), where),
            config=_wire.required(source, "config", MachineConfig.from_wire, where),
            template=_wire.required(source, "template", _wire.string, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            metadata=_wire.required(source, "metadata", _wire.mapping(_wire.anything), where),
            timeout_ms=_wire.required(source, "timeout_ms", _wire.integer, where),
            timeout_action=_wire.required(source, "timeout_action", _wire.enum(MachineTimeoutAction), where),
            ephemeral=_wire.required(source, "ephemeral", _wire.boolean, where),
            cwd=_wire.required(source, "cwd", _wire.string, where),
            auto_resume=_wire.required(source, "auto_resume", _wire.boolean, where),
            started_at=_wire.optional(source, "started_at", _wire.timestamp, where),
            timeout_at=_wire.optional(source, "timeout_at", _wire.timestamp, where),
            expires_at=_wire.optional(source, "expires_at", _wire.timestamp, where),
            remaining_ms=_wire.optional(source, "remaining_ms", _wire.integer, where),
            last_active_at=_wire.optional(source, "last_active_at", _wire.timestamp, where),
            inactivity_timeout_ms=_wire.optional(source, "inactivity_timeout_ms", _wire.integer, where),
            auto_delete_after_ms=_wire.optional(source, "auto_delete_after_ms", _wire.integer, where),
            snapshot_id=_wire.optional(source, "snapshot_id", _wire.string, where),
            parent_machine_id=_wire.optional(source, "parent_machine_id", _wire.string, where),
            source_snapshot_id=_wire.optional(source, "source_snapshot_id", _wire.string, where),
            error_reason=_wire.optional(source, "error_reason", _wire.string, where),
        )


@dataclass(frozen=True)
class MachineMetrics:
    """A ``MachineMetrics`` as the daemon sends it."""

    timestamp: datetime
    cpu_percent: float
    cpu_count: int
    mem_used_bytes: int
    mem_total_bytes: int
    disk_used_bytes: int
    disk_total_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int

    @classmethod
    def from_wire(cls, value: object, where: str = "MachineMetrics") -> MachineMetrics:
        source = _wire.fields(value, where)
        return cls(
            timestamp=_wire.required(source, "timestamp", _wire.timestamp, where),
            cpu_percent=_wire.required(source, "cpu_percent", _wire.number, where),
            cpu_count=_wire.required(source, "cpu_count", _wire.integer, where),
            mem_used_bytes=_wire.required(source, "mem_used_bytes", _wire.integer, where),
            mem_total_bytes=_wire.required(source, "mem_total_bytes", _wire.integer, where),
            disk_used_bytes=_wire.required(source, "disk_used_bytes", _wire.integer, where),
            disk_total_bytes=_wire.required(source, "disk_total_bytes", _wire.integer, where),
            network_rx_bytes=_wire.required(source, "network_rx_bytes", _wire.integer, where),
            network_tx_bytes=_wire.required(source, "network_tx_bytes", _wire.integer, where),
        )


@dataclass(frozen=True)
class PtySessionInfo:
    """A ``PtySessionInfo`` as the daemon sends it."""

    session_id: str
    pid: int
    cols: int
    rows: int
    exec_id: str

    @classmethod
    def from_wire(cls, value: object, where: str = "PtySessionInfo") -> PtySessionInfo:
        source = _wire.fields(value, where)
        return cls(
            session_id=_wire.required(source, "session_id", _wire.string, where),
            pid=_wire.required(source, "pid", _wire.integer, where),
            cols=_wire.required(source, "cols", _wire.integer, where),
            rows=_wire.required(source, "rows", _wire.integer, where),
            exec_id=_wire.required(source, "exec_id", _wire.string, where),
        )


@dataclass(frozen=True)
class QuotaLimits:
    """A ``QuotaLimits`` as the daemon sends it."""

    machines: int | None
    vcpus: int | None
    memory_mb: int | None
    snapshots: int | None
    disk_mb: int | None

    @classmethod
    def from_wire(cls, value: object, where: str = "QuotaLimits") -> QuotaLimits:
        source = _wire.fields(value, where)
        return cls(
            machines=_wire.required(source, "machines", _wire.nullable(_wire.integer), where),
            vcpus=_wire.required(source, "vcpus", _wire.nullable(_wire.integer), where),
            memory_mb=_wire.required(source, "memory_mb", _wire.nullable(_wire.integer), where),
            snapshots=_wire.required(source, "snapshots", _wire.nullable(_wire.integer), where),
            disk_mb=_wire.required(source, "disk_mb", _wire.nullable(_wire.integer), where),
        )


@dataclass(frozen=True)
class QuotaState:
    """A ``QuotaState`` as the daemon sends it."""

    owner: str
    limits: QuotaLimits
    used: QuotaUse

    @classmethod
    def from_wire(cls, value: object, where: str = "QuotaState") -> QuotaState:
        source = _wire.fields(value, where)
        return cls(
            owner=_wire.required(source, "owner", _wire.string, where),
            limits=_wire.required(source, "limits", QuotaLimits.from_wire, where),
            used=_wire.required(source, "used", QuotaUse.from_wire, where),
        )


@dataclass(frozen=True)
class QuotaUse:
    """A ``QuotaUse`` as the daemon sends it."""

    machines: int
    vcpus: int
    memory_mb: int
    snapshots: int
    disk_mb: int

    @classmethod
    def from_wire(cls, value: object, where: str = "QuotaUse") -> QuotaUse:
        source = _wire.fields(value, where)
        return cls(
            machines=_wire.required(source, "machines", _wire.integer, where),
            vcpus=_wire.required(source, "vcpus", _wire.integer, where),
            memory_mb=_wire.required(source, "memory_mb", _wire.integer, where),
            snapshots=_wire.required(source, "snapshots", _wire.integer, where),
            disk_mb=_wire.required(source, "disk_mb", _wire.integer, where),
        )


@dataclass(frozen=True)
class SearchMatch:
    """A ``SearchMatch`` as the daemon sends it."""

    file: str
    line: int
    content: str

    @classmethod
    def from_wire(cls, value: object, where: str = "SearchMatch") -> SearchMatch:
        source = _wire.fields(value, where)
        return cls(
            file=_wire.required(source, "file", _wire.string, where),
            line=_wire.required(source, "line", _wire.integer, where),
            content=_wire.required(source, "content", _wire.string, where),
        )


@dataclass(frozen=True)
class SnapshotInfo:
    """A ``SnapshotInfo`` as the daemon sends it."""

    id: str
    machine_id: str
    size_bytes: int
    created_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def from_wire(cls, value: object, where: str = "SnapshotInfo") -> SnapshotInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            machine_id=_wire.required(source, "machine_id", _wire.string, where),
            size_bytes=_wire.required(source, "size_bytes", _wire.integer, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            metadata=_wire.optional(source, "metadata", _wire.mapping(_wire.anything), where) or {},
        )


@dataclass(frozen=True)
class TemplateInfo:
    """A ``TemplateInfo`` as the daemon sends it."""

    id: str
    name: str
    description: str
    builtin: bool
    canonical_ref: str
    namespace_slug: str
    visibility: TemplateVisibility
    tags: list[str]
    default_tag: str
    shapes: list[TemplateShapesItem]

    @classmethod
    def from_wire(cls, value: object, where: str = "TemplateInfo") -> TemplateInfo:
        source = _wire.fields(value, where)
        return cls(
            id=_wire.required(source, "id", _wire.string, where),
            name=_wire.required(source, "name", _wire.string, where),
            description=_wire.required(source, "description", _wire.string, where),
            builtin=_wire.required(source, "builtin", _wire.boolean, where),
            canonical_ref=_wire.required(source, "canonical_ref", _wire.string, where),
            namespace_slug=_wire.required(source, "namespace_slug", _wire.string, where),
            visibility=_wire.required(source, "visibility", _wire.enum(TemplateVisibility), where),
            tags=_wire.required(source, "tags", _wire.array(_wire.string), where),
            default_tag=_wire.required(source, "default_tag", _wire.string, where),
            shapes=_wire.required(source, "shapes", _wire.array(TemplateShapesItem.from_wire), where),
        )


@dataclass(frozen=True)
class TemplateShapesItem:
    """A ``TemplateShapesItem`` as the daemon sends it."""

    vcpus: int
    memory_mb: int

    @classmethod
    def from_wire(cls, value: object, where: str = "TemplateShapesItem") -> TemplateShapesItem:
        source = _wire.fields(value, where)
        return cls(
            vcpus=_wire.required(source, "vcpus", _wire.integer, where),
            memory_mb=_wire.required(source, "memory_mb", _wire.integer, where),
        )


@dataclass(frozen=True)
class TimeoutLease:
    """A ``TimeoutLease`` as the daemon sends it."""

    timeout_ms: int
    timeout_action: MachineTimeoutAction
    timeout_at: datetime | None = None
    remaining_ms: int | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "TimeoutLease") -> TimeoutLease:
        source = _wire.fields(value, where)
        return cls(
            timeout_ms=_wire.required(source, "timeout_ms", _wire.integer, where),
            timeout_action=_wire.required(source, "timeout_action", _wire.enum(MachineTimeoutAction), where),
            timeout_at=_wire.optional(source, "timeout_at", _wire.timestamp, where),
            remaining_ms=_wire.optional(source, "remaining_ms", _wire.integer, where),
        )


@dataclass(frozen=True)
class UploadLimits:
    """A ``UploadLimits`` as the daemon sends it."""

    max_upload_bytes: int
    max_part_bytes: int
    max_concurrency: int
    machine_staging_quota_bytes: int

    @classmethod
    def from_wire(cls, value: object, where: str = "UploadLimits") -> UploadLimits:
        source = _wire.fields(value, where)
        return cls(
            max_upload_bytes=_wire.required(source, "max_upload_bytes", _wire.integer, where),
            max_part_bytes=_wire.required(source, "max_part_bytes", _wire.integer, where),
            max_concurrency=_wire.required(source, "max_concurrency", _wire.integer, where),
            machine_staging_quota_bytes=_wire.required(source, "machine_staging_quota_bytes", _wire.integer, where),
        )


@dataclass(frozen=True)
class UploadSessionInfo:
    """A ``UploadSessionInfo`` as the daemon sends it."""

    upload_id: str
    kind: UploadKind
    source_kind: UploadSourceKind
    target_path: str
    content_length: int
    accepted_bytes: int
    reserved_staging_bytes: int
    part_size: int
    part_count: int
    max_concurrency: int
    status: UploadSessionStatus
    conflict: UploadConflictPolicy
    checksum_algorithm: str
    limits: UploadLimits
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    user: str | None = None
    next_part: int | None = None
    archive_format: str | None = None
    whole_checksum_sha256: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "UploadSessionInfo") -> UploadSessionInfo:
        source = _wire.fields(value, where)
        return cls(
            upload_id=_wire.required(source, "upload_id", _wire.string, where),
            kind=_wire.required(source, "kind", _wire.enum(UploadKind), where),
            source_kind=_wire.required(source, "source_kind", _wire.enum(UploadSourceKind), where),
            target_path=_wire.required(source, "target_path", _wire.string, where),
            content_length=_wire.required(source, "content_length", _wire.integer, where),
            accepted_bytes=_wire.required(source, "accepted_bytes", _wire.integer, where),
            reserved_staging_bytes=_wire.required(source, "reserved_staging_bytes", _wire.integer, where),
            part_size=_wire.required(source, "part_size", _wire.integer, where),
            part_count=_wire.required(source, "part_count", _wire.integer, where),
            max_concurrency=_wire.required(source, "max_concurrency", _wire.integer, where),
            status=_wire.required(source, "status", _wire.enum(UploadSessionStatus), where),
            conflict=_wire.required(source, "conflict", _wire.enum(UploadConflictPolicy), where),
            checksum_algorithm=_wire.required(source, "checksum_algorithm", _wire.string, where),
            limits=_wire.required(source, "limits", UploadLimits.from_wire, where),
            created_at=_wire.required(source, "created_at", _wire.timestamp, where),
            updated_at=_wire.required(source, "updated_at", _wire.timestamp, where),
            expires_at=_wire.required(source, "expires_at", _wire.timestamp, where),
            user=_wire.optional(source, "user", _wire.string, where),
            next_part=_wire.optional(source, "next_part", _wire.integer, where),
            archive_format=_wire.optional(source, "archive_format", _wire.string, where),
            whole_checksum_sha256=_wire.optional(source, "whole_checksum_sha256", _wire.string, where),
        )
