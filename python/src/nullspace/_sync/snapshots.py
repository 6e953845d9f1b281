# Generated from _async/snapshots.py by tools/gen_sync.py; do not edit.

"""Snapshots."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from .._models import SnapshotInfo
from .._operations import snapshots
from .client import Client


class Snapshot:
    """Memory, processes and disk of a machine at one instant; any number of machines can be created from it.

    Taken with ``machine.create_snapshot()``, used with ``Machine.create(snapshot_id=...)``.
    """

    @staticmethod
    def get(snapshot_id: str, *, api_key: str | None = None, base_url: str | None = None) -> SnapshotInfo:
        """Reads a snapshot. Raises ``NotFoundError`` when there is none."""
        with Client.resolved(api_key, base_url) as client:
            return client.send(snapshots.get(snapshot_id))

    @staticmethod
    def list(
        *,
        machine_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> builtins.list[SnapshotInfo]:
        """Snapshots, newest first.

        Args:
            machine_id: only those taken of this machine.
            metadata: pairs that the machine's metadata held when it was taken.
            api_key, base_url: see ``Machine.create``.
        """
        with Client.resolved(api_key, base_url) as client:
            return client.send(snapshots.listing(machine_id, metadata))

    @staticmethod
    def delete(snapshot_id: str, *, api_key: str | None = None, base_url: str | None = None) -> None:
        """Deletes a snapshot. Machines that were made from it go on.

        Raises:
            NotFoundError: there is none.
            ConflictError: a paused machine resumes from it (``snapshot_in_use``).
        """
        with Client.resolved(api_key, base_url) as client:
            client.send(snapshots.delete(snapshot_id))
