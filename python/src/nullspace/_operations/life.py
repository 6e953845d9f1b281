"""What happens to a machine between create and destroy."""

from __future__ import annotations

import uuid

from .. import _wire
from .._models import Lineage, MachineInfo, SnapshotInfo, TimeoutLease
from .._operation import Operation, given, segment
from .._retry import READ, REPEATABLE, UNTIL_FREE, WITH_KEY

SILENCE = 300.0
"""Seconds without a byte from the daemon: memory and disk are written or read meanwhile."""


def hibernate(machine_id: str, *, request_timeout: float | None = None) -> Operation[SnapshotInfo]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "hibernate"),
        read=SnapshotInfo.from_wire,
        retry=UNTIL_FREE,
        silence=_silence(request_timeout),
    )


def resume(machine_id: str, *, request_timeout: float | None = None) -> Operation[MachineInfo]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "resume"),
        read=MachineInfo.from_wire,
        retry=UNTIL_FREE,
        silence=_silence(request_timeout),
    )


def create_snapshot(
    machine_id: str, *, idempotency_key: str | None = None, request_timeout: float | None = None
) -> Operation[SnapshotInfo]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "snapshots"),
        headers=_key(idempotency_key),
        read=SnapshotInfo.from_wire,
        retry=WITH_KEY,
        silence=_silence(request_timeout),
    )


def fork(
    machine_id: str, *, idempotency_key: str | None = None, request_timeout: float | None = None
) -> Operation[MachineInfo]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "fork"),
        headers=_key(idempotency_key),
        read=MachineInfo.from_wire,
        retry=WITH_KEY,
        silence=_silence(request_timeout),
    )


def fork_many(
    machine_id: str, count: int, *, idempotency_key: str | None = None, request_timeout: float | None = None
) -> Operation[list[MachineInfo]]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "forks"),
        headers=_key(idempotency_key),
        body={"count": count},
        read=_items,
        retry=WITH_KEY,
        silence=_silence(request_timeout),
    )


def set_timeout(machine_id: str, timeout_secs: float, timeout_action: str | None) -> Operation[TimeoutLease]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "timeout"),
        body={"timeout_ms": round(timeout_secs * 1000), **given({"timeout_action": timeout_action})},
        read=TimeoutLease.from_wire,
        retry=REPEATABLE,
    )


def lineage(machine_id: str) -> Operation[Lineage]:
    return Operation(method="GET", path=path_of(machine_id, "lineage"), read=Lineage.from_wire, retry=READ)


def path_of(machine_id: str, what: str) -> str:
    return f"/v1/machines/{segment(machine_id, 'machine_id')}/{what}"


def _key(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}


def _silence(request_timeout: float | None) -> float:
    return SILENCE if request_timeout is None else request_timeout


def _items(document: object) -> list[MachineInfo]:
    source = _wire.fields(document, "forks")
    return _wire.required(source, "items", _wire.array(MachineInfo.from_wire), "forks")
