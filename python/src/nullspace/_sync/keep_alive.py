# Generated from _async/keep_alive.py by tools/gen_sync.py; do not edit.

"""Keeping a machine from its timeout while work is under way."""

from __future__ import annotations

from types import TracebackType

from .._background import Signal, Worker
from .._models import TimeoutLease
from .._operation import Operation
from ..errors import MachineError
from .client import Client


class KeepAlive:
    """Begins a machine's time anew, again and again, within its block. Made by ``machine.keep_alive``."""

    def __init__(self, client: Client, refresh: Operation[TimeoutLease], interval: float) -> None:
        self._client = client
        self._refresh = refresh
        self._interval = interval
        self._stopping: Signal | None = None
        self._worker: Worker | None = None

    def start(self) -> KeepAlive:
        """Returns when the time has begun anew once."""
        if self._worker is not None:
            raise MachineError("It was started already.", code="invalid_state")
        self._client.send(self._refresh)
        self._stopping = Signal()
        self._worker = Worker("nullspace-keep-alive", self._go_on)
        return self

    def stop(self) -> None:
        """Raises what a refresh failed with meanwhile."""
        stopping, self._stopping = self._stopping, None
        worker, self._worker = self._worker, None
        if stopping is not None and worker is not None:
            stopping.set()
            worker.join()

    def _go_on(self) -> None:
        stopping = self._stopping
        while stopping is not None:
            stopping.wait(self._interval)
            if stopping.is_set():
                return
            self._client.send(self._refresh)

    def __enter__(self) -> KeepAlive:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except MachineError:
            # What the block raised says more.
            if error is None:
                raise
