"""What can be learned about a machine; none of it wakes a paused one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, overload

from .._models import (
    HostSample,
    LifecycleEvent,
    LifecycleEventListResponse,
    Lineage,
    MachineInfo,
    MachineMetrics,
    MachineStatus,
)
from .._operations import events, life, machines, metrics
from .events import stream_events
from .handle import AsyncMachineHandle


class AsyncMachineObservation(AsyncMachineHandle):
    """State, figures, events and family of a machine."""

    @overload
    async def get_info(self, *, fields: None = None) -> MachineInfo: ...

    @overload
    async def get_info(self, *, fields: Iterable[str] | str) -> dict[str, Any]: ...

    async def get_info(self, *, fields: Iterable[str] | str | None = None) -> MachineInfo | dict[str, Any]:
        """Reads the machine; see ``get_info_by_id``. Without ``fields`` it also renews ``info``."""
        if fields is not None:
            return await self._client.send(machines.masked_info(self.id, fields))
        self.info = await self._client.send(machines.info(self.id))
        return self.info

    async def is_running(self) -> bool:
        """Whether the machine is in state ``running`` now.

        Raises:
            NotFoundError: it does not exist any more.
            MachineError: as in ``AsyncMachine.create``.
        """
        return (await self.get_info()).status == MachineStatus.RUNNING

    async def get_metrics(self) -> list[MachineMetrics]:
        """Samples of what it used, oldest first, of the last hour; none right after create."""
        return await self._client.send(metrics.samples(self.id))

    async def get_host_metrics(self) -> list[HostSample]:
        """The same as its host sees it: processor time, memory and disk of the VM."""
        return await self._client.send(metrics.host_samples(self.id))

    async def lineage(self) -> Lineage:
        """Its whole family: ancestors up to the root and everything that descends from that."""
        return await self._client.send(life.lineage(self.id))

    async def list_lifecycle(
        self,
        *,
        offset: int = 0,
        limit: int = 50,
        order_asc: bool = False,
        operation: str | None = None,
        status: str | None = None,
        from_time: str | None = None,
        to_time: str | None = None,
    ) -> LifecycleEventListResponse:
        """Its lifecycle events; see ``AsyncLifecycle.list_events``."""
        query = events.PageQuery(offset, limit, order_asc, operation, status, from_time, to_time)
        return await self._client.send(events.of_machine(self.id, query))

    def stream_events(
        self,
        *,
        operation: str | None = None,
        status: str | None = None,
        live_only: bool = False,
        after_event_id: str | None = None,
        replay_limit: int | None = 100,
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[LifecycleEvent, None]:
        """Its lifecycle events as they happen; see ``AsyncLifecycle.stream_events``."""
        filters = {"operation": operation, "status": status, "metadata": metadata}
        path = events.stream_of_machine(self.id)
        return stream_events(self._client, events.StreamQuery(path, filters, live_only, after_event_id, replay_limit))
