"""A call as a value: what to send, how to read the answer, when it may be sent again. Knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from ._retry import REFUSED_ONLY, Retry
from .errors import MachineError

T = TypeVar("T")

DEFAULT_SILENCE = 30.0
"""Seconds without a byte from the daemon after which a call is given up."""


@dataclass(frozen=True)
class Operation(Generic[T]):
    """One request and the reader of its answer.

    ``body`` is sent as JSON, ``content`` as it is; None of both sends no body. ``silence`` is in seconds and counts
    from the last byte received.
    """

    method: str
    path: str
    read: Callable[[object], T]
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, Any] | None = None
    content: bytes | None = None
    retry: Retry = REFUSED_ONLY
    silence: float = DEFAULT_SILENCE


def segment(value: str, name: str) -> str:
    """A path parameter, encoded. Refuses what would change the path: ``kill("")`` must not reach the list route."""
    if value in ("", ".", ".."):
        raise MachineError(f"{name} must not be {value!r}.", code="invalid_request")
    return quote(value, safe="")


def field_mask(fields: Iterable[str] | str | None) -> dict[str, str]:
    """The query for a field mask: names, or a comma-separated string of them."""
    if fields is None:
        return {}
    return {"fields": fields if isinstance(fields, str) else ",".join(fields)}


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the entries that are None."""
    return {name: value for name, value in values.items() if value is not None}
