"""The daemon's host, and how much owners may hold on it. Not part of the published client."""

from __future__ import annotations

from collections.abc import Mapping

from .._models import GarbageReport, HostStatus, QuotaState
from .._operations import host
from .client import AsyncClient


class AsyncHost:
    """The host as such."""

    @staticmethod
    async def status(*, api_key: str | None = None, base_url: str | None = None) -> HostStatus:
        """What the host runs, which shapes are ready, what needs mending."""
        async with AsyncClient.resolved(api_key, base_url) as client:
            return await client.send(host.status())

    @staticmethod
    async def collect_garbage(
        *, dry_run: bool = False, api_key: str | None = None, base_url: str | None = None
    ) -> GarbageReport:
        """Removes what nothing refers to any more; with ``dry_run`` only says what that is and why.

        Raises:
            PermissionError: the key is not an operator's.
        """
        async with AsyncClient.resolved(api_key, base_url) as client:
            return await client.send(host.collect_garbage(dry_run))


class AsyncQuota:
    """How much an owner may hold at once."""

    @staticmethod
    async def get(owner: str = "me", *, api_key: str | None = None, base_url: str | None = None) -> QuotaState:
        """What an owner may hold and holds; ``me`` is the key's own.

        Raises:
            PermissionError: another owner, and the key is not an operator's.
            NotFoundError: there is no such owner.
        """
        async with AsyncClient.resolved(api_key, base_url) as client:
            return await client.send(host.get_quota(owner))

    @staticmethod
    async def set(
        owner: str, limits: Mapping[str, int | None], *, api_key: str | None = None, base_url: str | None = None
    ) -> QuotaState:
        """Changes bounds of an owner.

        Args:
            limits: by name (``machines``, ``vcpus``, ``memory_mb``, ``snapshots``, ``disk_mb``); None for no bound.
                What is left out stays.
            api_key, base_url: see ``AsyncMachine.create``.

        Raises:
            PermissionError: the key is not an operator's.
            NotFoundError: there is no such owner.
        """
        async with AsyncClient.resolved(api_key, base_url) as client:
            return await client.send(host.set_quota(owner, limits))
