# Generated from _async/life.py by tools/gen_sync.py; do not edit.

"""What can be done with a machine, up to its end."""

from __future__ import annotations

from typing import Literal, TypeVar

from .._models import MachineTimeoutAction, SnapshotInfo, TimeoutLease
from .._operations import life, machines
from .client import Client
from .handle import MachineHandle
from .keep_alive import KeepAlive

M = TypeVar("M", bound="MachineLife")


class MachineLife(MachineHandle):
    """Pause, snapshot, fork, the time a machine has, and its end."""

    def hibernate(self, *, request_timeout: float | None = None) -> SnapshotInfo:
        """Pauses the machine: memory and disk are saved, and what it used of the host is free.

        ``Machine.resume`` and ``Machine.connect`` let it go on under the same id, processes and all; so does
        the next command if it was created with ``auto_resume``.

        Args:
            request_timeout: seconds without a byte from the daemon after which this is given up, default 300.

        Raises:
            NotFoundError: it does not exist (any more).
            ConflictError: it is not running (``machine_not_ready``).
            MachineError: another operation on it takes too long (``transition_in_progress``), or no room on the disk
                (``insufficient_storage``).
        """
        return self._client.send(life.hibernate(self.id, request_timeout=request_timeout))

    def pause(self, *, request_timeout: float | None = None) -> SnapshotInfo:
        """The same as ``hibernate``."""
        return self.hibernate(request_timeout=request_timeout)

    def create_snapshot(
        self, idempotency_key: str | None = None, *, request_timeout: float | None = None
    ) -> SnapshotInfo:
        """Keeps the machine as it is now, for any number of machines to be created from it. It goes on itself.

        Example:
            ```python
            snapshot = machine.create_snapshot()
            children = [Machine.create(snapshot_id=snapshot.id) for _ in range(3)]
            ```

        Args:
            idempotency_key: a second call with the same key gives the same snapshot; default is a new one.
            request_timeout: see ``hibernate``.

        Raises:
            ConflictError: it is neither running nor paused (``machine_not_ready``).
            QuotaExceededError: the owner has too many, or the host no room.
            MachineError: as in ``hibernate``.
        """
        return self._client.send(
            life.create_snapshot(self.id, idempotency_key=idempotency_key, request_timeout=request_timeout)
        )

    def fork(self: M, idempotency_key: str | None = None, *, request_timeout: float | None = None) -> M:
        """A new machine that goes on from this one's live memory and disk. Both go on, each on its own.

        Args:
            idempotency_key: a second call with the same key gives the same machine; default is a new one.
            request_timeout: see ``hibernate``.

        Raises:
            ConflictError: it is not running (``machine_not_ready``).
            QuotaExceededError: the owner has too many, or the host no room.
            MachineError: as in ``hibernate``.
        """
        operation = life.fork(self.id, idempotency_key=idempotency_key, request_timeout=request_timeout)
        return type(self)(self._client.send(operation), Client(self._client.settings))

    def fork_many(
        self: M, count: int, idempotency_key: str | None = None, *, request_timeout: float | None = None
    ) -> list[M]:
        """``count`` forks from one stop of the machine: all of them, or none. At most 64. See ``fork``."""
        operation = life.fork_many(self.id, count, idempotency_key=idempotency_key, request_timeout=request_timeout)
        children = self._client.send(operation)
        return [type(self)(info, Client(self._client.settings)) for info in children]

    def set_timeout(
        self,
        timeout_secs: float,
        *,
        timeout_action: MachineTimeoutAction | Literal["destroy", "hibernate"] | None = None,
    ) -> TimeoutLease:
        """Begins the machine's time anew: it is up ``timeout_secs`` from now.

        Args:
            timeout_secs: seconds.
            timeout_action: what happens then; default is what was to happen before.

        Raises:
            ConflictError: it is not running (``machine_not_ready``).
        """
        return self._client.send(life.set_timeout(self.id, timeout_secs, timeout_action))

    def keep_alive(
        self,
        *,
        timeout_secs: float = 300,
        refresh_every_secs: float | None = None,
        timeout_action: MachineTimeoutAction | Literal["destroy", "hibernate"] | None = None,
    ) -> KeepAlive:
        """Keeps the machine from its timeout within a block.

        Example:
            ```python
            with machine.keep_alive(timeout_secs=60):
                work_of_unknown_length(machine)
            ```

        Args:
            timeout_secs: how long it lives on after the block, or after this program ended; see ``set_timeout``.
            refresh_every_secs: seconds between two calls of ``set_timeout``; default is half of ``timeout_secs``.
            timeout_action: see ``set_timeout``.
        """
        interval = max(1.0, timeout_secs / 2) if refresh_every_secs is None else refresh_every_secs
        if timeout_secs <= 0 or interval <= 0:
            raise ValueError("timeout_secs and refresh_every_secs must be greater than 0")
        return KeepAlive(self._client, life.set_timeout(self.id, timeout_secs, timeout_action), interval)

    def kill(self) -> None:
        """Destroys the machine and everything in it.

        Raises:
            NotFoundError: it does not exist any more.
            MachineError: as in ``Machine.create``.
        """
        self._client.send(machines.destroy(self.id))
