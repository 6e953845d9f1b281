"""The channel that tells of changes in a directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def event_of(frame: Frame, watch_id: str) -> FileEvent | None:
    """None for a frame that tells of no change. Raises ``MachineError`` (``watch_error``) when the watch failed."""
    if _kind(frame, watch_id) != "file_event":
        return None
    return FileEvent(type=_text(frame, "event"), name=_text(frame, "name"), path=_text(frame, "path"))


def _kind(frame: Frame, watch_id: str) -> object:
    if frame.get("id") != watch_id:
        return None
    if frame.get("type") == "error":
        raise MachineError(str(frame.get("message") or "The watch failed."), code="watch_error")
    return frame.get("type")


def _text(frame: Mapping[str, Any], name: str) -> str:
    value = frame.get(name)
    if not isinstance(value, str):
        raise MachineError(f"A frame of the watch does not fit: {name} must be a string.", code="invalid_response")
    return value
