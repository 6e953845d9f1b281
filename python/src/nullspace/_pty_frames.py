"""The channel of one terminal: its frames."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import _wire
from ._models import PtySessionInfo
from ._operation import given
from ._socket import Frame, told_error
from .errors import MachineError

DEFAULT_COLS = 120
DEFAULT_ROWS = 30
_LONGEST_SIDE = 65_535
_INPUT_PIECE = 128 * 1024
"""Characters or bytes of input in a frame: the daemon has a bound, in bytes of JSON."""

DETACHED = 124
"""Exit code of a wait that ended before the terminal did."""


@dataclass(frozen=True)
class PtyResult:
    """How waiting for a terminal ended.

    Attributes:
        exit_code: of its shell; 1 when the daemon lost it; 124 when the time to wait was up.
        error: what was wrong; None when it ended by itself.
        timed_out: whether the time to wait was up. The terminal lives on.
    """

    exit_code: int
    error: str | None = None
    timed_out: bool = False


def new_id() -> str:
    return f"pty_{uuid.uuid4().hex}"


def check_size(cols: int, rows: int) -> None:
    for name, value in (("cols", cols), ("rows", rows)):
        if not 1 <= value <= _LONGEST_SIDE:
            raise MachineError(f"{name} must be from 1 to {_LONGEST_SIDE}.", code="invalid_request")


def start_frame(
    request_id: str,
    cols: int,
    rows: int,
    *,
    cwd: str | None,
    envs: Mapping[str, str] | None,
    user: str | None,
    shell: str | None,
) -> dict[str, Any]:
    check_size(cols, rows)
    options = given({"cwd": cwd, "envs": None if envs is None else dict(envs), "user": user, "shell": shell})
    return {"type": "pty_start", "id": request_id, "cols": cols, "rows": rows, **options}


def connect_frame(request_id: str, session_id: str | None, pid: int | None) -> dict[str, Any]:
    if (session_id is None) == (pid is None):
        raise MachineError("Give exactly one of session_id and pid.", code="invalid_request")
    return {"type": "pty_connect", "id": request_id, **given({"session_id": session_id, "pid": pid})}


def input_frames(request_id: str, session_id: str, data: str | bytes) -> Iterator[dict[str, Any]]:
    head = {"type": "pty_input", "id": request_id, "session_id": session_id}
    for begin in range(0, len(data), _INPUT_PIECE):
        piece = data[begin : begin + _INPUT_PIECE]
        if isinstance(piece, str):
            yield {**head, "data": piece}
        else:
            yield {**head, "data_base64": base64.b64encode(piece).decode("ascii")}


def resize_frame(request_id: str, session_id: str, cols: int, rows: int) -> dict[str, Any]:
    check_size(cols, rows)
    return {"type": "pty_resize", "id": request_id, "session_id": session_id, "cols": cols, "rows": rows}


def started(frame: Frame) -> PtySessionInfo:
    """What the first frame says. Raises when there is no terminal."""
    if frame.get("type") == "error":
        raise told_error(frame)
    if frame.get("type") != "pty_started":
        raise MachineError("The channel does not begin as it should.", code="invalid_response")
    return PtySessionInfo.from_wire(frame, "frame")


def output_of(frame: Frame) -> bytes | None:
    """The output in a frame; None for other frames."""
    if frame.get("type") != "pty_output":
        return None
    encoded = _wire.required(frame, "data_base64", _wire.string, "frame")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise _wire.invalid("frame.data_base64", "base64", encoded) from error


def end_of(frame: Frame) -> PtyResult | None:
    """How it ended, if the frame says so."""
    if frame.get("type") == "pty_exited":
        return PtyResult(_wire.required(frame, "exit_code", _wire.integer, "frame"))
    if frame.get("type") == "error":
        return PtyResult(1, told_error(frame).message)
    return None
