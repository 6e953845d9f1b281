"""The channel that tells of changes in a directory."""

from __future__ import annotations

from typing import Any

from .. import _wire
from .._files import FileEvent
from .._socket import Frame
from ..errors import MachineError
from .files import user_of
from .life import path_of


def channel(machine_id: str) -> str:
    return path_of(machine_id, "ws")


def start_frame(watch_id: str, path: str, user: str | None, recursive: bool, timeout: float | None) -> dict[str, Any]:
    return {
        "type": "file_watch",
        "id": watch_id,
        "path": path,
        "user": user_of(user),
        "recursive": recursive,
        "timeout_secs": timeout,
    }


def is_started(frame: Frame, watch_id: str) -> bool:
    return _kind(frame, watch_id) == "file_watch_started"


def event_of(frame: Frame, watch_id: str, watched: str) -> FileEvent | None:
    """None for a frame that tells of no change. Raises ``MachineError`` (``watch_error``) when the watch failed.

    Args:
        watched: the path that an overflow is told of.
    """
    kind = _kind(frame, watch_id)
    if kind == "resync_required":
        return FileEvent(type="overflow", name="", path=watched)
    if kind != "file_event":
        return None
    return FileEvent(*(_wire.required(frame, name, _wire.string, "frame") for name in ("event", "name", "path")))


def _kind(frame: Frame, watch_id: str) -> object:
    # One that names no watch is about the connection, which has but this.
    if frame.get("id") not in (None, watch_id):
        return None
    if frame.get("type") == "error":
        raise MachineError(str(frame.get("message") or "The watch failed."), code="watch_error")
    return frame.get("type")
