"""The host as such: its state, its garbage, and how much owners may hold."""

from __future__ import annotations

from collections.abc import Mapping

from .._models import GarbageReport, HostStatus, QuotaState
from .._operation import Operation, segment
from .._retry import READ, REPEATABLE

_GC_SILENCE = 300.0


def status() -> Operation[HostStatus]:
    return Operation(method="GET", path="/v1/host/status", read=HostStatus.from_wire, retry=READ)


def collect_garbage(dry_run: bool) -> Operation[GarbageReport]:
    return Operation(
        method="POST",
        path="/v1/host/gc",
        body={"dry_run": dry_run},
        read=GarbageReport.from_wire,
        silence=_GC_SILENCE,
    )


def get_quota(owner: str) -> Operation[QuotaState]:
    return Operation(method="GET", path=_quota(owner), read=QuotaState.from_wire, retry=READ)


def set_quota(owner: str, limits: Mapping[str, int | None]) -> Operation[QuotaState]:
    # None is a value here: no bound.
    return Operation(method="PATCH", path=_quota(owner), body=dict(limits), read=QuotaState.from_wire, retry=REPEATABLE)


def _quota(owner: str) -> str:
    return f"/v1/quotas/{segment(owner, 'owner')}"
