"""What can be asked about machines without holding one."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from .._models import MachineInfo, MachineMetrics
from .._operations import machines, metrics
from .client import AsyncClient
from .pages import AsyncMachinePaginator


class AsyncMachineDirectory:
    """The class-level calls of ``AsyncMachine`` that need no handle and give none."""

    @overload
    @classmethod
    async def list(
        cls,
        *,
        state: Sequence[str] | str | None = None,
        template: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        query: machines.MachineQuery | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        fields: None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> AsyncMachinePaginator: ...

    @overload
    @classmethod
    async def list(
        cls,
        *,
        state: Sequence[str] | str | None = None,
        template: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        query: machines.MachineQuery | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        fields: Iterable[str] | str,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> builtins.list[dict[str, Any]]: ...

    @classmethod
    async def list(
        cls,
        *,
        state: Sequence[str] | str | None = None,
        template: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        query: machines.MachineQuery | None = None,
        limit: int | None = None,
        next_token: str | None = None,
        fields: Iterable[str] | str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> AsyncMachinePaginator | builtins.list[dict[str, Any]]:
        """The machines that fit all conditions.

        Example:
            ```python
            async for info in await AsyncMachine.list(state="running", metadata={"job": "nightly"}):
                print(info.id)
            ```

        Args:
            state: one state or several.
            template: name of the template.
            metadata: pairs the machine's metadata must hold.
            query: the three above as a value; not together with them.
            limit: machines per page, 1 to 100, default 100.
            next_token: ``next_token`` of an earlier list, to go on after it.
            fields: names of the fields to give. The answer is then a plain list of dictionaries of just those: all
                machines, or one page if ``limit`` is given.
            api_key, base_url: see ``AsyncMachine.create``.

        Raises:
            MachineError: a condition makes no sense (``invalid_request``), an unknown field (``invalid_fields``), or as
                in ``AsyncMachine.create``.
        """
        asked = machines.query_of(state, template, metadata, query)
        async with AsyncClient.resolved(api_key, base_url) as client:
            if fields is None:
                first = await client.send(machines.page(asked, limit=limit, next_token=next_token))
                return AsyncMachinePaginator(client.settings, asked, limit, first)
            fields = fields if isinstance(fields, str) else tuple(fields)
            items: builtins.list[dict[str, Any]] = []
            while True:
                page = await client.send(machines.masked_page(asked, fields, limit=limit, next_token=next_token))
                items += page.items
                next_token = page.next_token
                if next_token is None or limit is not None:
                    return items

    @overload
    @classmethod
    async def get_info_by_id(
        cls, machine_id: str, *, fields: None = None, api_key: str | None = None, base_url: str | None = None
    ) -> MachineInfo: ...

    @overload
    @classmethod
    async def get_info_by_id(
        cls, machine_id: str, *, fields: Iterable[str] | str, api_key: str | None = None, base_url: str | None = None
    ) -> dict[str, Any]: ...

    @classmethod
    async def get_info_by_id(
        cls,
        machine_id: str,
        *,
        fields: Iterable[str] | str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> MachineInfo | dict[str, Any]:
        """Reads a machine. Never wakes it.

        Args:
            machine_id: which one.
            fields: names of the fields to give; the answer is then a dictionary of just those, as on the wire.
            api_key, base_url: see ``AsyncMachine.create``.

        Raises:
            NotFoundError: there is no such machine (any more).
            MachineError: an unknown field (``invalid_fields``), or as in ``AsyncMachine.create``.
        """
        async with AsyncClient.resolved(api_key, base_url) as client:
            if fields is None:
                return await client.send(machines.info(machine_id))
            return await client.send(machines.masked_info(machine_id, fields))

    @classmethod
    async def kill_by_id(cls, machine_id: str, *, api_key: str | None = None, base_url: str | None = None) -> None:
        """Destroys a machine without a handle for it; see ``AsyncMachine.kill``."""
        async with AsyncClient.resolved(api_key, base_url) as client:
            await client.send(machines.destroy(machine_id))

    @classmethod
    async def get_metrics_by_id(
        cls, machine_id: str, *, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[MachineMetrics]:
        """Samples of what a machine used; see ``AsyncMachine.get_metrics``."""
        async with AsyncClient.resolved(api_key, base_url) as client:
            return await client.send(metrics.samples(machine_id))
