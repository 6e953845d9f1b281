"""Keeping a machine from its timeout while work is under way."""

from __future__ import annotations

from types import TracebackType

from .._background import AsyncSignal, AsyncWorker
from .._models import TimeoutLease
from .._operation import Operation
from ..errors import MachineError
from .client import AsyncClient


class AsyncKeepAlive:
    """Begins a machine's time anew, again and again, within its block. Made by ``machine.keep_alive``."""

    def __init__(self, client: AsyncClient, refresh: Operation[TimeoutLease], interval: float) -> None:
        self._client = client
        self._refresh = refresh
        self._interval = interval
        self._stopping: AsyncSignal | None = None
        self._worker: AsyncWorker | None = None

    async def start(self) -> AsyncKeepAlive:
        """Returns when the time has begun anew once."""
        if self._worker is not None:
            raise MachineError("It was started already.", code="invalid_state")
        await self._client.send(self._refresh)
        self._stopping = AsyncSignal()
        self._worker = AsyncWorker("nullspace-keep-alive", self._go_on)
        return self

    async def stop(self) -> None:
        """Raises what a refresh failed with meanwhile."""
        stopping, self._stopping = self._stopping, None
        worker, self._worker = self._worker, None
        if stopping is not None and worker is not None:
            stopping.set()
            await worker.join()

    async def _go_on(self) -> None:
        stopping = self._stopping
        while stopping is not None:
            await stopping.wait(self._interval)
            if stopping.is_set():
                return
            await self._client.send(self._refresh)

    async def __aenter__(self) -> AsyncKeepAlive:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        except MachineError:
            # What the block raised says more.
            if error is None:
                raise
