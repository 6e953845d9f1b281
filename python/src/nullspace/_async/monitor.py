"""State and use of all machines, live."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable

from .._background import AsyncWorker, tell
from .._config import resolve
from .._monitor_frames import (
    PATH,
    MonitorErrorEvent,
    MonitorEvent,
    MonitorMetricsEvent,
    MonitorProcessesEvent,
    MonitorSnapshotEvent,
    MonitorUpdateEvent,
    event_of,
    subscribe_frame,
)
from .._socket import OPEN_TIMEOUT
from ..errors import MachineError
from .link import AsyncLink


class AsyncMonitorSubscription:
    """Gives what the monitor tells to callbacks until ``stop``. Made by ``AsyncMonitor.subscribe``."""

    def __init__(
        self,
        link: AsyncLink,
        request_id: str,
        *,
        on_snapshot: Callable[[MonitorSnapshotEvent], None] | None,
        on_update: Callable[[MonitorUpdateEvent], None] | None,
        on_metrics: Callable[[MonitorMetricsEvent], None] | None,
        on_processes: Callable[[MonitorProcessesEvent], None] | None,
        on_error: Callable[[MonitorErrorEvent], None] | None,
    ) -> None:
        self._link = link
        self._request_id = request_id
        self._on_snapshot = on_snapshot
        self._on_update = on_update
        self._on_metrics = on_metrics
        self._on_processes = on_processes
        self._on_error = on_error
        self._worker = AsyncWorker("nullspace-monitor", self._deliver)

    async def _deliver(self) -> None:
        try:
            while True:
                frame = await self._link.receive()
                if frame is None:
                    return
                event = event_of(frame)
                if event is not None:
                    self._hand_on(event)
        except MachineError as error:
            tell(self._on_error, MonitorErrorEvent(self._request_id, error.message, error.code))
        finally:
            await self._link.stop()

    def _hand_on(self, event: MonitorEvent) -> None:
        if isinstance(event, MonitorSnapshotEvent):
            tell(self._on_snapshot, event)
        elif isinstance(event, MonitorUpdateEvent):
            tell(self._on_update, event)
        elif isinstance(event, MonitorMetricsEvent):
            tell(self._on_metrics, event)
        elif isinstance(event, MonitorProcessesEvent):
            tell(self._on_processes, event)
        else:
            tell(self._on_error, event)

    async def stop(self) -> None:
        """After it no callback is called any more. May be called from a callback, and more than once."""
        with contextlib.suppress(MachineError):
            await self._link.send({"type": "monitor_unsubscribe", "id": self._request_id})
        await self._link.stop()
        await self._worker.join()


class AsyncMonitor:
    """State and use of all machines of a key's owner.

    Args:
        api_key, base_url: see ``AsyncMachine.create``.
        timeout: seconds that opening a connection may take.
    """

    def __init__(
        self, *, api_key: str | None = None, base_url: str | None = None, timeout: float = OPEN_TIMEOUT
    ) -> None:
        self._settings = resolve(api_key, base_url)
        self._timeout = timeout

    async def subscribe(
        self,
        *,
        interval_ms: int | None = None,
        include_processes: bool | None = None,
        on_snapshot: Callable[[MonitorSnapshotEvent], None] | None = None,
        on_update: Callable[[MonitorUpdateEvent], None] | None = None,
        on_metrics: Callable[[MonitorMetricsEvent], None] | None = None,
        on_processes: Callable[[MonitorProcessesEvent], None] | None = None,
        on_error: Callable[[MonitorErrorEvent], None] | None = None,
    ) -> AsyncMonitorSubscription:
        """Calls the callbacks until ``stop``. They run one at a time, beside the caller; what they raise is logged.

        A lost connection is opened again, with a new snapshot.

        Args:
            interval_ms: milliseconds between two figures of a machine; the daemon keeps it within 500 and 10000.
            include_processes: whether processes are told as well.
            on_snapshot: all machines, at the beginning and after a lost connection.
            on_update: a machine that came, changed or went.
            on_metrics: what a machine uses.
            on_processes: what runs in a machine.
            on_error: what the daemon has against the subscription, and what ended it.

        Raises:
            AuthError: the key is not valid.
            MachineError: the daemon cannot be reached (``transport_error``) or refuses.
        """
        request_id = f"monitor_{uuid.uuid4().hex}"
        link = AsyncLink(
            self._settings,
            PATH,
            hello=lambda: subscribe_frame(request_id, interval_ms, include_processes),
            open_timeout=self._timeout,
        )
        await link.open()
        return AsyncMonitorSubscription(
            link,
            request_id,
            on_snapshot=on_snapshot,
            on_update=on_update,
            on_metrics=on_metrics,
            on_processes=on_processes,
            on_error=on_error,
        )
