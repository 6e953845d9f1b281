"""Generated from openapi/openapi.json by tools/gen_models.py; do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import _wire
from ._wire import OpenEnum


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
    started_at: datetime | None = None
    timeout_at: datetime | None = None
    expires_at: datetime | None = None
    remaining_ms: int | None = None
    last_active_at: datetime | None = None
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
            started_at=_wire.optional(source, "started_at", _wire.timestamp, where),
            timeout_at=_wire.optional(source, "timeout_at", _wire.timestamp, where),
            expires_at=_wire.optional(source, "expires_at", _wire.timestamp, where),
            remaining_ms=_wire.optional(source, "remaining_ms", _wire.integer, where),
            last_active_at=_wire.optional(source, "last_active_at", _wire.timestamp, where),
            error_reason=_wire.optional(source, "error_reason", _wire.string, where),
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
