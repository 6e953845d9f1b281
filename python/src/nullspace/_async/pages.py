"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

from .._config import Settings
from .._models import MachineInfo
from .._operations import machines
from .client import AsyncClient


class AsyncMachinePaginator:
    """Machines, page by page. Iterating gives the machines of this page and of all after it.

    Attributes:
        items: the machines of the page fetched last.
        next_token: where the next page begins; None on the last one.
    """

    def __init__(
        self, settings: Settings, query: machines.MachineQuery, limit: int | None, first: machines.Page
    ) -> None:
        self._settings = settings
        self._query = query
        self._limit = limit
        self.items = first.items
        self.next_token = first.next_token

    @property
    def has_next(self) -> bool:
        return self.next_token is not None

    async def next_items(self) -> list[MachineInfo]:
        """Fetches the next page and gives its machines; none when there is no next page."""
        if self.next_token is None:
            return []
        # A client per page: a list that is not read to its end leaves no connection open.
        async with AsyncClient(self._settings) as client:
            page = await client.send(machines.page(self._query, limit=self._limit, next_token=self.next_token))
        self.items, self.next_token = page.items, page.next_token
        return self.items

    async def __aiter__(self) -> AsyncIterator[MachineInfo]:
        for item in self.items:
            yield item
        while self.has_next:
            for item in await self.next_items():
                yield item
