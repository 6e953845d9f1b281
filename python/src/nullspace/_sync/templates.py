# Generated from _async/templates.py by tools/gen_sync.py; do not edit.

"""Templates."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, overload

from .._models import TemplateInfo
from .._operations import templates
from .client import Client


class Template:
    """What machines can be created from."""

    @overload
    @classmethod
    def list(
        cls, *, fields: None = None, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[TemplateInfo]: ...

    @overload
    @classmethod
    def list(
        cls, *, fields: Iterable[str] | str, api_key: str | None = None, base_url: str | None = None
    ) -> builtins.list[dict[str, Any]]: ...

    @classmethod
    def list(
        cls,
        *,
        fields: Iterable[str] | str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> builtins.list[TemplateInfo] | builtins.list[dict[str, Any]]:
        """The templates a machine can be created from.

        Args:
            fields: names of the fields to give; the items are then dictionaries of just those.
            api_key, base_url: see ``Machine.create``.

        Raises:
            AuthError: no key, or one that is not valid.
            MachineError: an unknown field (``invalid_fields``), or no answer (``transport_error``).
        """
        with Client.resolved(api_key, base_url) as client:
            if fields is None:
                return client.send(templates.listing())
            return client.send(templates.masked_listing(fields))
