"""What the monitor tells, and how it stands on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from . import _wire
from ._models import MachineInfo, MachineMetrics
from ._operation import given

PATH = "/v1/monitor/ws"


@dataclass(frozen=True)
class ProcessInfo:
    """A process in a machine."""

    pid: int
    command: str
    running: bool

    @classmethod
    def from_wire(cls, value: object, where: str = "ProcessInfo") -> ProcessInfo:
        source = _wire.fields(value, where)
        return cls(
            pid=_wire.required(source, "pid", _wire.integer, where),
            command=_wire.required(source, "command", _wire.string, where),
            running=_wire.required(source, "running", _wire.boolean, where),
        )


@dataclass(frozen=True)
class MonitorSnapshotEvent:
    """All machines, at the beginning and again after a lost connection."""

    id: str
    machines: list[MachineInfo]


@dataclass(frozen=True)
class MonitorUpdateEvent:
    """A machine that came, changed or went; ``machine`` is None when it went."""

    id: str
    machine_id: str
    machine: MachineInfo | None
    removed: bool


@dataclass(frozen=True)
class MonitorMetricsEvent:
    id: str
    machine_id: str
    metrics: MachineMetrics


@dataclass(frozen=True)
class MonitorProcessesEvent:
    id: str
    machine_id: str
    processes: list[ProcessInfo]


@dataclass(frozen=True)
class MonitorErrorEvent:
    """What is wrong with the subscription, or what ended it."""

    id: str
    message: str
    code: str | None = None


MonitorEvent = Union[
    MonitorSnapshotEvent, MonitorUpdateEvent, MonitorMetricsEvent, MonitorProcessesEvent, MonitorErrorEvent
]


def subscribe_frame(request_id: str, interval_ms: int | None, include_processes: bool | None) -> dict[str, Any]:
    options = given({"interval_ms": interval_ms, "include_processes": include_processes})
    return {"type": "monitor_subscribe", "id": request_id, **options}


def event_of(frame: Mapping[str, Any]) -> MonitorEvent | None:
    """The event in a frame; None for kinds that this version does not know."""
    kind = frame.get("type")
    if kind not in _READERS:
        return None
    return _READERS[kind](frame, _wire.required(frame, "id", _wire.string, "frame"))


def _snapshot(frame: Mapping[str, Any], request_id: str) -> MonitorEvent:
    machines = _wire.required(frame, "machines", _wire.array(MachineInfo.from_wire), "frame")
    return MonitorSnapshotEvent(request_id, machines)


def _update(frame: Mapping[str, Any], request_id: str) -> MonitorEvent:
    machine = _wire.optional(frame, "machine", MachineInfo.from_wire, "frame")
    removed = _wire.optional(frame, "removed", _wire.boolean, "frame")
    return MonitorUpdateEvent(request_id, _machine_id(frame), machine, bool(removed))


def _metrics(frame: Mapping[str, Any], request_id: str) -> MonitorEvent:
    metrics = _wire.required(frame, "metrics", MachineMetrics.from_wire, "frame")
    return MonitorMetricsEvent(request_id, _machine_id(frame), metrics)


def _processes(frame: Mapping[str, Any], request_id: str) -> MonitorEvent:
    processes = _wire.required(frame, "processes", _wire.array(ProcessInfo.from_wire), "frame")
    return MonitorProcessesEvent(request_id, _machine_id(frame), processes)


def _error(frame: Mapping[str, Any], request_id: str) -> MonitorEvent:
    message = _wire.required(frame, "message", _wire.string, "frame")
    return MonitorErrorEvent(request_id, message, _wire.optional(frame, "code", _wire.string, "frame"))


def _machine_id(frame: Mapping[str, Any]) -> str:
    return _wire.required(frame, "machine_id", _wire.string, "frame")


_READERS = {
    "monitor_snapshot": _snapshot,
    "monitor_update": _update,
    "monitor_metrics": _metrics,
    "monitor_processes": _processes,
    "monitor_error": _error,
}
