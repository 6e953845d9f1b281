"""Templates."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, overload

from .._models import TemplateInfo
from .._operations import templates
from .client import AsyncClient


class AsyncTemplate:
    """What machines can be created from."""

    @overload
    @classmethod
    async def list(
        cls, *, fields: None = None, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[TemplateInfo]: ...

    @overload
    @classmethod
    async def list(
        cls, *, fields: Iterable[str] | str, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[dict[str, Any]]: ...

    @classmethod
    async def list(
        cls,
        *,
        fields: Iterable[str] | str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> builtins.list[TemplateInfo] | builtins.list[dict[str, Any]]:
        """The templates a machine can be created from.

        Args:
            fields: names of the fields to give; the items are then dictionaries of just those.
            api_key, base_url: see ``AsyncMachine.create``.

        Raises:
            AuthError: no key, or one that is not valid.
            MachineError: an unknown field (``invalid_fields``), or no answer (``transport_error``).
        """
        async with AsyncClient.resolved(api_key, base_url) as client:
            if fields is None:
                return await client.send(templates.listing())
            return await client.send(templates.masked_listing(fields))
