"""Lifecycle events: lists of them, and the frames of their stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .. import _wire
from .._models import LifecycleEvent, LifecycleEventListResponse
from .._operation import Operation, given, segment
from .._retry import READ
from ..errors import MachineError
from .life import path_of

_ALL = "/v1/lifecycle/events"
_LONGEST_REPLAY = 1000


@dataclass(frozen=True)
class PageQuery:
    """Which events to list. ``from_time`` and ``to_time`` are RFC 3339, both inclusive."""

    offset: int = 0
    limit: int = 50
    order_asc: bool = False
    operation: str | None = None
    status: str | None = None
    from_time: str | None = None
    to_time: str | None = None

    def wire(self) -> dict[str, str]:
        for name in ("from_time", "to_time"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise MachineError(f"{name} must be a string as RFC 3339 has it.", code="invalid_request")
        return given(
            {
                "offset": str(self.offset),
                "limit": str(self.limit),
                "order": "asc" if self.order_asc else "desc",
                "operation": text(self.operation),
                "status": text(self.status),
                "from": self.from_time,
                "to": self.to_time,
            }
        )


def of_all(query: PageQuery, filters: Mapping[str, str | None]) -> Operation[LifecycleEventListResponse]:
    return _list(_ALL, {**query.wire(), **given({name: text(value) for name, value in filters.items()})})


def of_machine(machine_id: str, query: PageQuery) -> Operation[LifecycleEventListResponse]:
    return _list(path_of(machine_id, "lifecycle"), query.wire())


def of_snapshot(snapshot_id: str, query: PageQuery) -> Operation[LifecycleEventListResponse]:
    return _list(f"/v1/snapshots/{segment(snapshot_id, 'snapshot_id')}/lifecycle", query.wire())


def _list(path: str, query: Mapping[str, str]) -> Operation[LifecycleEventListResponse]:
    return Operation(method="GET", path=path, query=query, read=LifecycleEventListResponse.from_wire, retry=READ)


def text(value: str | None) -> str | None:
    """The plain string, also of an enum that is not one of ours."""
    return str(value.value) if isinstance(value, Enum) else value


@dataclass(frozen=True)
class StreamQuery:
    """Which events a stream has, and where it begins. None for what was not given."""

    path: str
    filters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    live_only: bool | None = None
    after_event_id: str | None = None
    replay_limit: int | None = None

    @property
    def shows_no_past(self) -> bool:
        return self.live_only is True or self.replay_limit == 0

    def newest(self) -> Operation[LifecycleEventListResponse]:
        """The newest event of all that the stream could have."""
        path = _ALL if self.path == ALL_STREAM else self.path[: -len("/ws")]
        return _list(path, PageQuery(limit=1).wire())

    def first_frame(self) -> dict[str, Any]:
        return self._frame(self.live_only, self.after_event_id, self.replay_limit)

    def frame_after(self, event_id: str) -> dict[str, Any]:
        """For everything after an event."""
        return self._frame(False, event_id, self.replay_limit or None)

    def frame_from_nothing(self) -> dict[str, Any]:
        """For a stream that began when there was no event at all: whatever there is now, is new."""
        return self._frame(False, None, _LONGEST_REPLAY)

    def _frame(self, live_only: bool | None, after_event_id: str | None, replay_limit: int | None) -> dict[str, Any]:
        where = {"live_only": live_only, "after_event_id": after_event_id, "replay_limit": replay_limit}
        filters = {name: text(value) for name, value in self.filters.items()}
        return {"type": "subscribe", **given(filters), **given(where)}


@dataclass(frozen=True)
class LifecycleStreamError:
    """Why a subscription ended."""

    message: str
    code: str | None = None


ALL_STREAM = "/v1/lifecycle/ws"


def stream_of_machine(machine_id: str) -> str:
    return path_of(machine_id, "lifecycle/ws")


def check_subscribed(frame: Mapping[str, Any]) -> None:
    """The first frame of a stream. Raises when it is not the one that says it has begun."""
    event_of(frame)
    if frame.get("type") != "subscribed":
        raise MachineError("The stream does not begin as it should.", code="invalid_response")


def event_of(frame: Mapping[str, Any]) -> LifecycleEvent | None:
    """The event in a frame; None for other frames, also of kinds that this version does not know."""
    kind = frame.get("type")
    if kind == "error":
        raise MachineError(str(frame.get("message", "The daemon ended the stream.")), code="websocket_error")
    return _wire.required(frame, "event", LifecycleEvent.from_wire, "frame") if kind == "event" else None
