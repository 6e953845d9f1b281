# Generated from _async/directory.py by tools/gen_sync.py; do not edit.

"""What can be asked about machines without holding one."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from .._models import MachineInfo, MachineMetrics
from .._operations import machines, metrics
from .client import Client
from .pages import MachinePaginator


class MachineDirectory:
    """The class-level calls of ``Machine`` that need no handle and give none."""

    @overload
    @classmethod
    def list(
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
    ) -> MachinePaginator: ...

    @overload
    @classmethod
    def list(
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
    def list(
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
    ) -> MachinePaginator | builtins.list[dict[str, Any]]:
        """The machines that fit all conditions.

        Example:
            ```python
            for info in Machine.list(state="running", metadata={"job": "nightly"}):
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
            api_key, base_url: see ``Machine.create``.

        Raises:
            MachineError: a condition makes no sense (``invalid_request``), an unknown field (``invalid_fields``), or as
                in ``Machine.create``.
        """
        asked = machines.query_of(state, template, metadata, query)
        with Client.resolved(api_key, base_url) as client:
            if fields is None:
                first = client.send(machines.page(asked, limit=limit, next_token=next_token))
                return MachinePaginator(client.settings, asked, limit, first)
            fields = fields if isinstance(fields, str) else tuple(fields)
            items: builtins.list[dict[str, Any]] = []
            while True:
                page = client.send(machines.masked_page(asked, fields, limit=limit, next_token=next_token))
                items += page.items
                next_token = page.next_token
                if next_token is None or limit is not None:
                    return items

    @overload
    @classmethod
    def get_info_by_id(
        cls, machine_id: str, *, fields: None = None, api_key: str | None = None, base_url: str | None = None
    ) -> MachineInfo: ...

    @overload
    @classmethod
    def get_info_by_id(
        cls, machine_id: str, *, fields: Iterable[str] | str, api_key: str | None = None, base_url: str | None = None
    ) -> dict[str, Any]: ...

    @classmethod
    def get_info_by_id(
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
            api_key, base_url: see ``Machine.create``.

        Raises:
            NotFoundError: there is no such machine (any more).
            MachineError: an unknown field (``invalid_fields``), or as in ``Machine.create``.
        """
        with Client.resolved(api_key, base_url) as client:
            if fields is None:
                return client.send(machines.info(machine_id))
            return client.send(machines.masked_info(machine_id, fields))

    @classmethod
    def kill_by_id(cls, machine_id: str, *, api_key: str | None = None, base_url: str | None = None) -> None:
        """Destroys a machine without a handle for it; see ``Machine.kill``."""
        with Client.resolved(api_key, base_url) as client:
            client.send(machines.destroy(machine_id))

    @classmethod
    def get_metrics_by_id(
        cls, machine_id: str, *, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[MachineMetrics]:
        """Samples of what a machine used; see ``Machine.get_metrics``."""
        with Client.resolved(api_key, base_url) as client:
            return client.send(metrics.samples(machine_id))
