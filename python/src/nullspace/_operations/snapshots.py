"""Snapshots: read, list, delete. Taking one is a matter of its machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import _wire
from .._models import SnapshotInfo
from .._operation import Operation, given, segment
from .._retry import READ, REFUSED_ONLY

_COLLECTION = "/v1/snapshots"


def get(snapshot_id: str) -> Operation[SnapshotInfo]:
    return Operation(method="GET", path=_path(snapshot_id), read=SnapshotInfo.from_wire, retry=READ)


def listing(machine_id: str | None, metadata: Mapping[str, Any] | None) -> Operation[list[SnapshotInfo]]:
    pairs = None if metadata is None else json.dumps(metadata, ensure_ascii=False)
    query = given({"machine_id": machine_id, "metadata": pairs})
    return Operation(method="GET", path=_COLLECTION, query=query, read=_snapshots, retry=READ)


def delete(snapshot_id: str) -> Operation[None]:
    return Operation(method="DELETE", path=_path(snapshot_id), read=lambda _: None, retry=REFUSED_ONLY)


def _path(snapshot_id: str) -> str:
    return f"{_COLLECTION}/{segment(snapshot_id, 'snapshot_id')}"


def _snapshots(document: object) -> list[SnapshotInfo]:
    return _wire.array(SnapshotInfo.from_wire)(document, "snapshots")
